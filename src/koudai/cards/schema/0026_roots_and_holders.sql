-- What was paid out in cash for the cards of a root is found by card.
CREATE INDEX payouts_in_cash ON cards.payouts (card_id) WHERE paid_to = 'cash';

-- And the cards of a holder by holder.
CREATE INDEX cards_by_holder ON cards.cards (book, holder_ref) WHERE holder_ref IS NOT NULL;
