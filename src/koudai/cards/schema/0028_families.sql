-- What the cards of a root hold is asked of those that can hold something: a bearer card that is given on and on leaves
-- a dead one behind each time.
CREATE INDEX cards_of_family ON cards.cards (root_id) WHERE parent_id IS NOT NULL AND state <> 'DEACTIVATED';
