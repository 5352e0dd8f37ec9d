-- Whether the payer of a sale was known as a holder when it was made.
ALTER TABLE cards.sales ADD COLUMN anonymous boolean NOT NULL DEFAULT true;
ALTER TABLE cards.sales ALTER COLUMN anonymous DROP DEFAULT;

DROP FUNCTION IF EXISTS cards.sell_v1;
