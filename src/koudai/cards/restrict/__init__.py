"""Who may stop a card, how far, and who lifts that again: requirement P16."""
