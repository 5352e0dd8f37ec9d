-- What was paid out in cash for the cards of a root is found by card.
CREATE INDEX payouts_in_cash ON cards.payouts (card_id) WHERE paid_to = 'cash';
