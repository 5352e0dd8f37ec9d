-- For which card a PIN's hash was made: the card itself, or the one from which it got its PIN when it was made of it.
ALTER TABLE cards.pins ADD COLUMN made_for bigint;
UPDATE cards.pins SET made_for = card_id;
ALTER TABLE cards.pins ALTER COLUMN made_for SET NOT NULL, ADD FOREIGN KEY (made_for) REFERENCES cards.cards;

DROP FUNCTION IF EXISTS cards.keep_pins_v1;
