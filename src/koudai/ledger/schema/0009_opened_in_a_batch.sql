-- A batch opens accounts of its own, under ids that were drawn for it, and posts to them.
DROP FUNCTION IF EXISTS ledger.open_accounts_v2, ledger.post_v3;
