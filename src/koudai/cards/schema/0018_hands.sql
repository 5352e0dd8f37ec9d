-- Through whose hands a card came is asked of it and of those that it comes from: which of them were claimed as a gift.
CREATE INDEX gifts_claimed ON cards.gifts (claimed_card_id) WHERE claimed_card_id IS NOT NULL;
