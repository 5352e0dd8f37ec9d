-- The log: a leaf for each sealed batch, the full tiles over the leaves, and what of it was signed.

-- Appended to and never changed. A batch has the next index at the moment at which it is given its leaf,
-- whatever its number: see docs/reference/proofs.md.
CREATE TABLE proof.leaves (
    leaf_index bigint PRIMARY KEY CHECK (leaf_index >= 0),
    batch_id   bigint NOT NULL,
    hash       bytea NOT NULL CHECK (length(hash) = 32),
    CONSTRAINT leaves_batch UNIQUE (batch_id)
);

-- Full tiles of 256 hashes, after C2SP tlog-tiles. At level 0 the hashes are the leaves', at each higher
-- one the roots of the tiles below. What is in no full tile is read from the level below.
CREATE TABLE proof.tiles (
    number bigint NOT NULL CHECK (number >= 0),
    level  integer NOT NULL CHECK (level BETWEEN 0 AND 7),
    root   bytea NOT NULL CHECK (length(root) = 32),
    hashes bytea NOT NULL CHECK (length(hashes) = 8192),
    PRIMARY KEY (level, number)
);
-- Hashes can't be compressed, and a part of them is read without the rest.
ALTER TABLE proof.tiles ALTER COLUMN hashes SET STORAGE EXTERNAL;

-- What was signed, of each size once.
CREATE TABLE proof.checkpoints (
    tree_size bigint PRIMARY KEY CHECK (tree_size >= 0),
    root      bytea NOT NULL CHECK (length(root) = 32),
    note      text NOT NULL,
    signed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- The newest batch when the log began: one up to it may have been booked before there were seals. Every
-- later one that moved value has a seal.
CREATE TABLE proof.genesis (
    one      boolean PRIMARY KEY DEFAULT true CHECK (one),
    batch_id bigint NOT NULL
);
INSERT INTO proof.genesis (batch_id) SELECT coalesce(max(id), 0) FROM ledger.batches;

-- The application reads everything, appends leaves and tiles through a function that leaves no gap, and
-- adds what it signed.
GRANT USAGE ON SCHEMA proof TO koudai_app;
GRANT SELECT ON ALL TABLES IN SCHEMA proof TO koudai_app;
GRANT INSERT (tree_size, root, note) ON proof.checkpoints TO koudai_app;
