"""The schema's history: taken once, in order, by one at a time, and never into somebody else's database."""

import shutil
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import pytest

from koudai.base import Fault
from koudai.instance import ROOMS
from koudai.pg import Room, migrate

CATALOG = """
SELECT 'schema', nspname, nspowner::regrole::text, nspacl::text FROM pg_namespace
WHERE nspname NOT LIKE 'pg\\_%%' AND nspname <> 'information_schema'
UNION ALL
SELECT 'relation', c.oid::regclass::text, concat_ws(' ', c.relkind, c.relowner::regrole, c.reloptions),
       c.relacl::text
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = ANY (%(ours)s)
UNION ALL
SELECT 'column', concat_ws('.', a.attrelid::regclass, a.attname),
       concat_ws(' ', format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attcollation),
       concat_ws(' ', a.attacl, pg_get_expr(d.adbin, d.adrelid))
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE n.nspname = ANY (%(ours)s) AND a.attnum > 0
UNION ALL
SELECT 'constraint', concat_ws('.', conrelid::regclass, conname), pg_get_constraintdef(oid), NULL
FROM pg_constraint WHERE connamespace::regnamespace::text = ANY (%(ours)s)
UNION ALL
SELECT 'index', indexrelid::regclass::text, pg_get_indexdef(indexrelid), NULL
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE c.relnamespace::regnamespace::text = ANY (%(ours)s)
UNION ALL
SELECT 'view', c.oid::regclass::text, pg_get_viewdef(c.oid), NULL
FROM pg_class c WHERE c.relkind = 'v' AND c.relnamespace::regnamespace::text = ANY (%(ours)s)
UNION ALL
SELECT 'function', p.oid::regprocedure::text, pg_get_functiondef(p.oid), concat_ws(' ', p.proowner::regrole, p.proacl)
FROM pg_proc p WHERE p.pronamespace::regnamespace::text = ANY (%(ours)s)
UNION ALL
SELECT 'enum', enumtypid::regtype::text, enumlabel, enumsortorder::text
FROM pg_enum e JOIN pg_type t ON t.oid = e.enumtypid WHERE t.typnamespace::regnamespace::text = ANY (%(ours)s)
"""


def test_a_step_that_databases_have_taken_is_never_changed():
    """Another text of it is refused by every database that took it. A new step is added to the list, and stays so."""
    root = Path(__file__).parents[2]
    listed = dict(reversed(line.split()) for line in Path(__file__).with_name("steps.sha256").read_text().splitlines())
    found = {
        str(path.relative_to(root)): sha256(path.read_bytes()).hexdigest()
        for path in root.glob("src/koudai/*/schema/*.sql")
    }
    assert found == listed


@pytest.fixture
def empty(server):
    with server.database() as name:
        yield name


def catalog(server, name):
    ours = ["pg", *(room.name for room in ROOMS)]
    with server.superuser(name) as admin:
        return sorted(map(str, admin.execute(CATALOG, {"ours": ours}).fetchall()))


def query(server, name, text):
    with server.superuser(name) as admin:
        return admin.execute(text).fetchall()


def history(server, name):
    return query(server, name, "SELECT room || '.' || step, sha256 FROM pg.migrations ORDER BY applied_at, room")


def copied(folder, rooms):
    """The rooms' files in folders that a test may change."""
    for room in rooms:
        (folder / room.name / "schema").mkdir(parents=True)
        for step, text in room.steps():
            (folder / room.name / "schema" / f"{step}.sql").write_text(text)
        if room.functions():
            (folder / room.name / "functions.sql").write_text(room.functions())
    return [Room(room.name, folder / room.name) for room in rooms]


ALL = [f"{room.name}.{step}" for room in ROOMS for step, _ in room.steps()] + [
    f"{room.name}.functions" for room in ROOMS if room.functions()
]


@pytest.mark.parametrize("major", [16, 18])
def test_an_empty_database_is_brought_to_the_present_and_then_left_alone(server, empty):
    assert migrate(server.target(empty), ROOMS) == ALL
    told, written = catalog(server, empty), history(server, empty)
    assert [step for step, _ in written] == ALL
    assert migrate(server.target(empty), ROOMS) == []
    assert (catalog(server, empty), history(server, empty)) == (told, written)


def test_a_history_taken_step_by_step_ends_where_a_fresh_one_does(server, empty, tmp_path):
    source, growing = copied(tmp_path / "whole", ROOMS), tmp_path / "growing"
    rooms = []
    for room in source:
        rooms.append(Room(room.name, growing / room.name))
        (growing / room.name / "schema").mkdir(parents=True)
        for path in sorted((room.folder / "schema").iterdir()):
            shutil.copy(path, growing / room.name / "schema")
            assert migrate(server.target(empty), rooms) == [f"{room.name}.{path.stem}"]
    for room in source:
        if room.functions():
            shutil.copy(room.folder / "functions.sql", growing / room.name)
            assert migrate(server.target(empty), rooms) == [f"{room.name}.functions"]
    fresh = catalog(server, server.template)
    assert len(fresh) > 150
    assert catalog(server, empty) == fresh


@pytest.mark.parametrize(
    ("change", "code", "facts"),
    [
        (lambda d: rewrite(d / "ledger/schema/0001_spine.sql", "-- \n"), "pg.schema_changed", {"step": "ledger.0001_spine"}),
        (lambda d: (d / "cards/schema/0001_spine.sql").rename(d / "cards/schema/0001_other.sql"), "pg.schema_newer",
         {"steps": "cards.0001_spine"}),
        (lambda d: (d / "merchants/schema/0001_spine.sql").unlink(), "pg.schema_newer", {"steps": "merchants.0001_spine"}),
        (lambda d: (d / "cards/functions.sql").unlink(), "pg.schema_newer", {"steps": "cards.functions"}),
    ],
    ids=["a changed step", "a renamed step", "a step that we lack", "functions that we lack"],
)  # fmt: skip
def test_a_history_that_is_not_a_beginning_of_ours_is_refused(server, empty, tmp_path, change, code, facts):
    rooms = copied(tmp_path, ROOMS)
    migrate(server.target(empty), rooms)
    before = history(server, empty)
    change(tmp_path)
    with pytest.raises(Fault) as caught:
        migrate(server.target(empty), rooms)
    assert (caught.value.code, caught.value.facts) == (code, facts)
    assert history(server, empty) == before


def rewrite(path, more):
    path.write_text(path.read_text() + more)


def test_functions_are_what_the_release_says_and_steps_are_added(server, empty, tmp_path):
    rooms = copied(tmp_path, ROOMS)
    migrate(server.target(empty), rooms)
    rewrite(tmp_path / "cards/functions.sql", "\nCREATE FUNCTION cards.two() RETURNS int LANGUAGE sql AS 'SELECT 2';\n")
    (tmp_path / "merchants/schema/0002_more.sql").write_text("ALTER TABLE merchants.merchants ADD note text;")
    assert migrate(server.target(empty), rooms) == ["merchants.0002_more", "cards.functions"]
    assert query(server, empty, "SELECT cards.two(), count(note) FROM merchants.merchants") == [(2, 0)]
    assert migrate(server.target(empty), rooms) == []


def test_a_step_that_fails_leaves_a_whole_number_of_steps(server, empty, tmp_path):
    rooms = copied(tmp_path, ROOMS)
    broken = tmp_path / "merchants/schema/0001_spine.sql"
    whole = broken.read_text()
    rewrite(broken, "\nSELECT 1 / 0;\n")
    with pytest.raises(Exception, match="division by zero"):
        migrate(server.target(empty), rooms)
    taken = [step for step, _ in history(server, empty)]
    assert taken == ALL[: ALL.index("merchants.0001_spine")]
    assert query(server, empty, "SELECT to_regclass('merchants.merchants')") == [(None,)]
    broken.write_text(whole)
    assert migrate(server.target(empty), rooms) == ALL[len(taken) :]
    assert catalog(server, empty) == catalog(server, server.template)


@pytest.mark.parametrize(
    "theirs",
    [
        "CREATE TABLE public.orders (id int)",
        "CREATE SCHEMA shop; CREATE TABLE shop.orders (id int)",
        "CREATE SCHEMA shop; CREATE VIEW shop.orders AS SELECT 1 AS id",
        "CREATE SCHEMA ledger; CREATE TABLE ledger.accounts (id int)",
    ],
)
def test_a_database_with_tables_of_somebody_elses_is_refused(server, empty, theirs):
    with server.superuser(empty) as admin:
        admin.execute(theirs)
    before = catalog(server, empty)
    with pytest.raises(Fault) as caught:
        migrate(server.target(empty), ROOMS)
    assert caught.value.code == "pg.foreign_schema"
    assert caught.value.facts["schemas"] in ("public", "shop", "ledger")
    assert catalog(server, empty) == before


def test_tables_added_later_by_others_do_not_stop_us(server, empty):
    migrate(server.target(empty), ROOMS)
    with server.superuser(empty) as admin:
        admin.execute("CREATE SCHEMA reports; CREATE TABLE reports.daily (day date)")
    assert migrate(server.target(empty), ROOMS) == []


@pytest.mark.parametrize("major", [16, 18])
def test_of_many_who_migrate_at_once_one_does_it(server, empty):
    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(lambda _: migrate(server.target(empty), ROOMS), range(4)))
    assert Counter(map(tuple, taken)) == {tuple(ALL): 1, (): 3}
    assert catalog(server, empty) == catalog(server, server.template)


def test_a_server_before_16_is_too_old(server, empty, monkeypatch):
    monkeypatch.setattr(sys.modules["koudai.pg.migrate"], "_OLDEST", 190000)
    with pytest.raises(Fault) as caught:
        migrate(server.target(empty), ROOMS)
    assert caught.value.code == "pg.too_old"
    assert caught.value.facts["found"].startswith("18.")
    assert query(server, empty, "SELECT count(*) FROM pg_namespace WHERE nspname IN ('pg', 'ledger')") == [(0,)]
