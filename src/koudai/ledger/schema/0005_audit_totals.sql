-- What a range of batches moved is appended, and summed when all ranges have been proven. Looking each account
-- up to add to it cost a third of a verification.
ALTER TABLE ledger.audit_totals DROP CONSTRAINT audit_totals_pkey, DROP CONSTRAINT audit_totals_audit_id_fkey;
