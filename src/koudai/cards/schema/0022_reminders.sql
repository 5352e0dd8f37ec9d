-- The line in which cards stand to be looked at for reminders: when one is next due, as it was reckoned when so many
-- versions of the programme's document (and one) had taken effect. With 0 a card is looked at as soon as anybody looks:
-- it is new, or something brought a reminder nearer. A use only moves one out, so it writes nothing here.
CREATE TABLE cards.reminders (
    card_id      bigint PRIMARY KEY,
    look_at      timestamptz NOT NULL DEFAULT 'epoch',
    programme_id integer NOT NULL,
    versions     integer NOT NULL DEFAULT 0
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);
CREATE INDEX reminders_in_line ON cards.reminders (programme_id, versions, look_at, card_id);
INSERT INTO cards.reminders (card_id, programme_id) SELECT id, programme_id FROM cards.cards;
GRANT SELECT, UPDATE (look_at, versions) ON cards.reminders TO koudai_app;

-- Put there by the table of the cards itself, whoever makes them.
CREATE FUNCTION cards.stand_in_line_v1() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO cards.reminders (card_id, programme_id) SELECT c.id, c.programme_id FROM came c;
    RETURN NULL;
END $$;
CREATE TRIGGER cards_stand_in_line AFTER INSERT ON cards.cards
    REFERENCING NEW TABLE AS came FOR EACH STATEMENT EXECUTE FUNCTION cards.stand_in_line_v1();
