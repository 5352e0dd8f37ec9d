-- Restrictions are stacked: each has its kind, who ordered it and by which document, what it binds, and how it ended.

ALTER TYPE cards.activity_type ADD VALUE 'RESTRICT';
ALTER TYPE cards.activity_type ADD VALUE 'LIFT';
ALTER TYPE cards.activity_type ADD VALUE 'LAPSE';

CREATE TYPE cards.restriction_kind AS ENUM ('holder', 'issuer', 'risk', 'aml', 'police', 'court');
CREATE TYPE cards.restriction_end AS ENUM ('lifted', 'lapsed', 'carried');

-- A restriction has the place of the entry that made it, and once it has ended that of the entry which ended it.
-- Without an amount it is of the whole card, without until_at it lasts until it is lifted.
CREATE TABLE cards.restrictions (
    batch_id         bigint NOT NULL,
    card_id          bigint NOT NULL,
    amount_minor     bigint CHECK (amount_minor > 0),
    until_at         timestamptz,
    ended_batch_id   bigint,
    ended_at         timestamptz,
    ordinal          integer NOT NULL,
    ended_ordinal    integer,
    kind             cards.restriction_kind NOT NULL,
    ended_as         cards.restriction_end,
    lifted_kind      cards.restriction_kind,
    temporary        boolean NOT NULL,
    authority        text NOT NULL,
    document         text NOT NULL,
    made_by          text NOT NULL,
    lifted_authority text,
    lifted_document  text,
    lifted_by        text,
    PRIMARY KEY (batch_id, ordinal),
    CONSTRAINT restrictions_ordered
        CHECK (kind NOT IN ('aml', 'police', 'court') OR (authority ~ '\S' AND document ~ '\S')),
    CONSTRAINT restrictions_temporary
        CHECK (NOT temporary OR (kind IN ('aml', 'police') AND until_at IS NOT NULL)),
    CONSTRAINT restrictions_ended CHECK (
        num_nonnulls(ended_batch_id, ended_ordinal, ended_at, ended_as) IN (0, 4)
        AND (ended_as = 'lifted') IS TRUE = (lifted_kind IS NOT NULL)),
    CONSTRAINT restrictions_lifted
        CHECK (lifted_kind = kind OR (kind = 'holder' AND lifted_kind = 'issuer')),
    CONSTRAINT restrictions_lapsed
        CHECK (ended_as IS DISTINCT FROM 'lapsed' OR (until_at IS NOT NULL AND until_at <= ended_at))
);
CREATE INDEX restrictions_by_card ON cards.restrictions (card_id, batch_id, ordinal);
GRANT SELECT ON cards.restrictions TO koudai_app;

-- How many are open, so that nothing is looked for where there is none.
ALTER TABLE cards.cards ADD COLUMN restrictions smallint NOT NULL DEFAULT 0 CHECK (restrictions >= 0);

-- A block was the issuer's restriction of the whole card, an unblock its lifting.
INSERT INTO cards.restrictions
    (batch_id, ordinal, card_id, kind, temporary, authority, document, made_by,
     ended_batch_id, ended_ordinal, ended_at, ended_as, lifted_kind)
SELECT b.batch_id, b.ordinal, b.card_id, 'issuer', false, '', '', '', b.ended_batch_id, b.ended_ordinal, e.event_at,
       CASE WHEN e.batch_id IS NOT NULL THEN 'lifted'::cards.restriction_end END,
       CASE WHEN e.batch_id IS NOT NULL THEN 'issuer'::cards.restriction_kind END
FROM (SELECT batch_id, ordinal, card_id, type,
             lead(batch_id) OVER w AS ended_batch_id, lead(ordinal) OVER w AS ended_ordinal
      FROM cards.activities WHERE type IN ('BLOCK', 'UNBLOCK')
      WINDOW w AS (PARTITION BY card_id ORDER BY batch_id, ordinal)) AS b
LEFT JOIN cards.activities e ON e.batch_id = b.ended_batch_id AND e.ordinal = b.ended_ordinal
WHERE b.type = 'BLOCK';
UPDATE cards.cards c SET restrictions = 1
FROM cards.restrictions r WHERE r.card_id = c.id AND r.ended_batch_id IS NULL;
