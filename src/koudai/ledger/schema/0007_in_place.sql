-- Most cards have one live lot or two: these are compared in place, since a function for each changed row cost
-- as much as a tenth of posting.
ALTER TABLE ledger.accounts
    DROP CONSTRAINT accounts_lots_agree,
    ADD CONSTRAINT accounts_lots_agree CHECK (lots IS NULL OR CASE cardinality(lots)
        WHEN 6 THEN lots[2] = balance_minor AND lots[3] = held_minor AND lots[3] >= 0 AND lots[2] >= lots[3] AND lots[2] <> 0
        WHEN 12 THEN lots[2] + lots[8] = balance_minor AND lots[3] + lots[9] = held_minor
            AND lots[3] >= 0 AND lots[2] >= lots[3] AND lots[2] <> 0
            AND lots[9] >= 0 AND lots[8] >= lots[9] AND lots[8] <> 0
        ELSE ledger.lots_agree_v1(lots, balance_minor, held_minor) END);

-- Holds are settled where they were found under lock.
DROP FUNCTION IF EXISTS ledger.settle_holds_v1;
