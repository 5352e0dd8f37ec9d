-- Sales that are undone before anything of the card was used: its value goes back whence it came.

ALTER TYPE cards.activity_type ADD VALUE 'VOID_SALE';

ALTER TABLE cards.stock_steps
    DROP CONSTRAINT stock_steps_step_check,
    ADD CONSTRAINT stock_steps_step_check CHECK (step IN ('PRINT', 'RECEIVE', 'WRITE_OFF', 'CALL_OFF', 'VOID_SALE'));

-- refunded_minor: what was sold against it and undone, so that the till pays it back. It stays used: no card is sold for
-- it again.
ALTER TABLE cards.payments
    ADD COLUMN refunded_minor bigint NOT NULL DEFAULT 0,
    ADD CONSTRAINT payments_refunded_within_used CHECK (refunded_minor BETWEEN 0 AND used_minor);

-- That a sale was undone, by the entry at (batch_id, ordinal): once, and for good. Who did it and why stands in
-- stock_steps. Append-only.
CREATE TABLE cards.voided_sales (
    card_id   bigint PRIMARY KEY REFERENCES cards.sales,
    batch_id  bigint NOT NULL,
    ordinal   integer NOT NULL,
    voided_at timestamptz NOT NULL
);

GRANT SELECT ON cards.voided_sales TO koudai_app;
