-- A stand-in for the peer: its signatures, for transfers that are booked and bounds that are kept.

CREATE TABLE accounts (
    id text PRIMARY KEY DEFAULT helper(0), name text, currency text, balance numeric NOT NULL DEFAULT 0,
    allow_negative_balance boolean, allow_positive_balance boolean
);
CREATE SEQUENCE numbers;
CREATE TABLE transfers (from_account_id text NOT NULL, to_account_id text NOT NULL, amount numeric NOT NULL);
CREATE VIEW pgledger_accounts_view AS SELECT * FROM accounts;
CREATE VIEW pgledger_transfers_view AS SELECT * FROM transfers;
CREATE TYPE transfer_request AS (from_account_id text, to_account_id text, amount numeric);

CREATE FUNCTION pgledger_create_account(
    name text, currency text, allow_negative_balance boolean DEFAULT true,
    allow_positive_balance boolean DEFAULT true, metadata jsonb DEFAULT NULL
) RETURNS SETOF pgledger_accounts_view LANGUAGE sql AS $$
    INSERT INTO accounts VALUES (
        helper(nextval('numbers')), name, currency, 0, allow_negative_balance, allow_positive_balance
    ) RETURNING *
$$;

CREATE FUNCTION pgledger_create_transfers(
    transfer_requests transfer_request[], event_at timestamptz DEFAULT NULL, metadata jsonb DEFAULT NULL
) RETURNS SETOF pgledger_transfers_view LANGUAGE plpgsql AS $$
DECLARE
    wish transfer_request;
BEGIN
    PERFORM FROM accounts a
    WHERE a.id IN (SELECT unnest(ARRAY[r.from_account_id, r.to_account_id]) FROM unnest(transfer_requests) AS r)
    ORDER BY a.id FOR UPDATE;
    FOREACH wish IN ARRAY transfer_requests LOOP
        UPDATE accounts a SET balance = balance - wish.amount WHERE a.id = wish.from_account_id;
        UPDATE accounts a SET balance = balance + wish.amount WHERE a.id = wish.to_account_id;
        RETURN QUERY INSERT INTO transfers
            VALUES (wish.from_account_id, wish.to_account_id, wish.amount) RETURNING *;
    END LOOP;
END $$;

CREATE FUNCTION pgledger_create_transfer(
    from_account_id text, to_account_id text, amount numeric,
    event_at timestamptz DEFAULT NULL, metadata jsonb DEFAULT NULL
) RETURNS SETOF pgledger_transfers_view LANGUAGE sql AS $$
    SELECT * FROM pgledger_create_transfers(
        transfer_requests => ARRAY[(from_account_id, to_account_id, amount)::transfer_request])
$$;
