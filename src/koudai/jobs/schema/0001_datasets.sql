-- Which data sets were replayed into this database, each into an issuer of its own.
CREATE TABLE jobs.datasets (
    name      text PRIMARY KEY,
    issuer_id integer NOT NULL UNIQUE,
    digest    text NOT NULL,
    began_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);

GRANT USAGE ON SCHEMA jobs TO koudai_app;
GRANT SELECT, INSERT ON jobs.datasets TO koudai_app;
