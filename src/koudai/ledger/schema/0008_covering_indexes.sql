-- Partitions that were left get indexes by account that hold whole lines, so that a page of a statement lies
-- in one place instead of a page of the table for each line. Those that have the narrow ones are indexed anew.
DO $$
DECLARE
    part integer;
BEGIN
    FOR part IN SELECT p.number FROM ledger.partitions p WHERE p.indexed_at IS NOT NULL LOOP
        EXECUTE format('DROP INDEX IF EXISTS ledger.transfers_p%1$s_by_debit, ledger.transfers_p%1$s_by_credit', part);
    END LOOP;
    UPDATE ledger.partitions SET indexed_at = NULL;
END $$;

DROP FUNCTION IF EXISTS ledger.index_partitions_v1;
