-- A restriction that is continued in time keeps its place in the queue (轮候): its term and its document change, and what
-- they were before is kept here, by the entry that continued it. A temporary freeze that is continued is none any more.
ALTER TYPE cards.activity_type ADD VALUE 'CONTINUE';

CREATE TABLE cards.continuations (
    batch_id             bigint NOT NULL,
    restriction_batch_id bigint NOT NULL,
    at                   timestamptz NOT NULL,
    until_at             timestamptz,
    until_before         timestamptz NOT NULL,
    ordinal              integer NOT NULL,
    restriction_ordinal  integer NOT NULL,
    temporary_before     boolean NOT NULL,
    authority            text NOT NULL,
    document             text NOT NULL,
    document_before      text NOT NULL,
    made_by              text NOT NULL,
    PRIMARY KEY (batch_id, ordinal),
    CONSTRAINT continuations_in_time CHECK (at < until_before),
    CONSTRAINT continuations_longer CHECK (until_at IS NULL OR until_at > until_before),
    CONSTRAINT continuations_formal CHECK (NOT temporary_before OR document <> document_before)
);
CREATE INDEX continuations_by_restriction ON cards.continuations (restriction_batch_id, restriction_ordinal, batch_id);
GRANT SELECT ON cards.continuations TO koudai_app;
