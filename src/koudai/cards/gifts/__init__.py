"""Cards that are given away: offered by a link, claimed, withdrawn, gone back."""
