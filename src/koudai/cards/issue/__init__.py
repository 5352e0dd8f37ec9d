"""How cards come to be: issued, split off others, issued anew."""
