-- find_dataset: a data set by name
SELECT issuer_id, digest FROM jobs.datasets WHERE name = $1::text

-- add_dataset: begins a data set
INSERT INTO jobs.datasets (name, issuer_id, digest) VALUES ($1::text, $2::int, $3::text)
