-- Since when a card has its terms: what was split from one or took its place keeps what that one was promised.
ALTER TABLE cards.cards ADD COLUMN promised_at timestamptz;
UPDATE cards.cards SET promised_at = issued_at;
ALTER TABLE cards.cards ALTER COLUMN promised_at SET NOT NULL;

-- A card that is closed, or that another took the place of, does nothing any more.
ALTER TYPE cards.state ADD VALUE 'DEACTIVATED';
ALTER TYPE cards.activity_type ADD VALUE 'DEACTIVATE';
