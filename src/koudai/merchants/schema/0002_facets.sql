-- What a merchant is to programmes and to the law: the name by which documents list it, what it is for, whose it is,
-- whether it has a contract with the issuer, and where it is paid.
ALTER TABLE merchants.merchants
    ADD COLUMN ref text COLLATE "C" CHECK (ref ~ '^[^[:space:],]+$' AND length(ref) <= 100),
    ADD COLUMN scenario text NOT NULL DEFAULT 'offline_retail' COLLATE "C"
        CHECK (scenario IN ('ecommerce', 'offline_retail', 'local_services', 'dining', 'groceries', 'travel',
                            'entertainment', 'health_beauty')),
    ADD COLUMN relation text NOT NULL DEFAULT 'other' COLLATE "C" CHECK (relation IN ('own', 'group', 'brand', 'other')),
    ADD COLUMN contracted boolean NOT NULL DEFAULT false,
    ADD COLUMN channel text NOT NULL DEFAULT 'street' COLLATE "C" CHECK (channel IN ('street', 'online', 'own_web_shop'));
CREATE UNIQUE INDEX merchants_by_ref ON merchants.merchants (book, ref);
