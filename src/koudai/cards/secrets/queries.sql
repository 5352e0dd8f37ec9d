-- read_pay_codes: pay codes, once their cards are locked
SELECT code_hash, expires_at, batch_id IS NOT NULL, killed_at IS NOT NULL
FROM cards.pay_codes WHERE code_hash = ANY ($2::bytea[]) AND book = $1::int

-- add_pay_codes: new pay codes of locked cards, and the end of those before them
SELECT cards.add_pay_codes_v1($1::int, $2::timestamptz, $3::bigint[], $4::bytea[], $5::timestamptz[], $6::boolean[])

-- use_pay_codes: uses pay codes up
SELECT cards.use_pay_codes_v1($1::bigint, $2::int[], $3::bytea[])

-- kill_pay_codes: kills the live pay codes of locked cards
SELECT cards.kill_pay_codes_v1($1::bigint[], $2::timestamptz)

-- purge_codes: forgets pay codes and guesses of long ago
SELECT cards.purge_codes_v1($1::timestamptz, $2::int)

-- read_pins: the PINs of locked cards
SELECT card_id, made_for, pin_hash, tries, locked_at, changed_at FROM cards.pins WHERE card_id = ANY ($1::bigint[])

-- read_pin_devices: how often devices guessed wrong, once they are locked
SELECT device, tries, since_at, locked_until FROM cards.pin_devices
WHERE book = $1::int AND device = ANY ($2::text[])

-- keep_pins: the PINs of locked cards as they are now
SELECT cards.keep_pins_v2($1::bigint[], $2::bigint[], $3::bytea[], $4::int[], $5::timestamptz[], $6::timestamptz[])

-- drop_pins: takes the PINs of locked cards away
SELECT cards.drop_pins_v1($1::bigint[])

-- keep_pin_devices: how often devices guessed wrong until now
SELECT cards.keep_pin_devices_v1($1::int, $2::text[], $3::int[], $4::timestamptz[], $5::timestamptz[])
