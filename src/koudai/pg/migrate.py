"""The schema's history: each room's numbered migrations, once each, and its functions as they are now."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import Connection, sql

from koudai.base import Fault
from koudai.pg.faults import Conflict, PgFault, as_faults
from koudai.pg.target import APP_ROLE, OWNER_ROLE, Target

_LOCK = 0x6B6F75646169  # "koudai": one migration of a database at a time
_OLDEST = 160000


@dataclass(frozen=True)
class Room:
    """A room with a schema of its own name: its folder holds `schema/NNNN_name.sql` and `functions.sql`."""

    name: str
    folder: Path

    def steps(self) -> Iterator[tuple[str, str]]:
        """Names and texts of the numbered migrations, in order."""
        for path in sorted((self.folder / "schema").glob("[0-9][0-9][0-9][0-9]_*.sql")):
            yield path.stem, path.read_text(encoding="utf-8")

    def functions(self) -> str:
        """The room's functions; each is versioned by its name, so old and new servers can run side by side."""
        path = self.folder / "functions.sql"
        return path.read_text(encoding="utf-8") if path.exists() else ""


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _plan(rooms: Sequence[Room]) -> list[tuple[str, str, str]]:
    """(room, step, text) in the order in which they are applied; functions come after all tables."""
    tables = [(room.name, step, text) for room in rooms for step, text in room.steps()]
    return tables + [(room.name, "functions", room.functions()) for room in rooms if room.functions()]


def pending(applied: dict[tuple[str, str], str], rooms: Sequence[Room]) -> list[tuple[str, str, str]]:
    """What of the plan a database lacks. Raises Fault when its history is not a beginning of ours."""
    plan = _plan(rooms)
    ours = {(room, step) for room, step, _ in plan}
    strangers = sorted(".".join(known) for known in applied if known not in ours)
    if strangers:
        raise Fault(PgFault.SCHEMA_NEWER, steps=", ".join(strangers))
    missing = []
    for room, step, text in plan:
        known = applied.get((room, step))
        if known is None or (step == "functions" and known != _digest(text)):
            missing.append((room, step, text))
        elif known != _digest(text):
            raise Fault(PgFault.SCHEMA_CHANGED, step=f"{room}.{step}")
    return missing


def migrate(target: Target, rooms: Sequence[Room]) -> list[str]:
    """Bring the database to the present schema; the names of the steps that were taken.

    Each step commits with its entry in the history, so that a crash leaves a whole number of steps.
    The roles are made first, by the login that the target names as admin.
    """
    for left in (2, 1, 0):
        try:
            return _migrate(target, rooms)
        except Conflict as conflict:
            # Another database of this cluster is being made at this moment, and made the roles first.
            if not left:
                raise Fault(PgFault.CONTENTION, detail=str(conflict).splitlines()[0]) from conflict
    raise AssertionError("the last attempt returns or raises")


def _migrate(target: Target, rooms: Sequence[Room]) -> list[str]:
    with as_faults(), psycopg.connect(target.admin, autocommit=True, connect_timeout=10) as admin:
        _check_version(admin)
        admin.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        if not _has_history(admin):
            _refuse_strangers(admin, rooms)
            _make_roles(admin)
        with psycopg.connect(target.owner_conninfo(), connect_timeout=10) as owner:
            return _apply(owner, rooms)


def _apply(owner: Connection[tuple[object, ...]], rooms: Sequence[Room]) -> list[str]:
    owner.execute("CREATE SCHEMA IF NOT EXISTS pg")
    owner.execute(
        "CREATE TABLE IF NOT EXISTS pg.migrations (room text, step text, sha256 text NOT NULL,"
        " applied_at timestamptz NOT NULL DEFAULT clock_timestamp(), PRIMARY KEY (room, step))"
    )
    owner.execute(f"GRANT USAGE ON SCHEMA pg TO {APP_ROLE}")
    owner.execute(f"GRANT SELECT ON pg.migrations TO {APP_ROLE}")
    owner.commit()
    taken = []
    for room, step, text in pending(applied_steps(owner), rooms):
        if step != "functions":
            owner.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(room)))
        # Our own files hold no parameters; psycopg sends them as they are when none are given.
        owner.execute(text.encode())
        owner.execute(
            "INSERT INTO pg.migrations (room, step, sha256) VALUES (%s, %s, %s)"
            " ON CONFLICT (room, step) DO UPDATE SET sha256 = excluded.sha256, applied_at = excluded.applied_at",
            (room, step, _digest(text)),
        )
        owner.commit()
        taken.append(f"{room}.{step}")
    return taken


def applied_steps(connection: Connection[tuple[object, ...]]) -> dict[tuple[str, str], str]:
    """The history that a database tells: (room, step) and the digest of its text."""
    rows = connection.execute("SELECT room, step, sha256 FROM pg.migrations").fetchall()
    return {(str(room), str(step)): str(digest) for room, step, digest in rows}


def _check_version(admin: Connection[tuple[object, ...]]) -> None:
    if admin.info.server_version < _OLDEST:
        raise Fault(PgFault.TOO_OLD, found=admin.info.parameter_status("server_version"), needed="16")


def _has_history(admin: Connection[tuple[object, ...]]) -> bool:
    # Asked of the catalog, which a login that doesn't inherit the owner's rights may read as well.
    row = admin.execute(
        "SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = 'pg' AND c.relname = 'migrations'"
    ).fetchone()
    return row is not None


def _refuse_strangers(admin: Connection[tuple[object, ...]], rooms: Sequence[Room]) -> None:
    """A database that has tables of somebody else's is not ours to build in."""
    row = admin.execute(
        "SELECT string_agg(DISTINCT n.nspname, ', ' ORDER BY n.nspname) FROM pg_class c"
        " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')"
        " AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'"
    ).fetchone()
    if row and row[0]:
        raise Fault(PgFault.FOREIGN_SCHEMA, schemas=str(row[0]))


def _make_roles(admin: Connection[tuple[object, ...]]) -> None:
    """The owner and the application role, and the admin's right to become them."""
    login = admin.execute("SELECT current_user, current_database()").fetchone()
    assert login is not None
    for role in (OWNER_ROLE, APP_ROLE):
        exists = admin.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone()
        if not exists:
            admin.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(role)))
        member = admin.execute("SELECT pg_has_role(current_user, %s, 'SET')", (role,)).fetchone()
        if role != login[0] and not (member and member[0]):
            admin.execute(
                sql.SQL("GRANT {} TO {} WITH INHERIT FALSE, SET TRUE").format(
                    sql.Identifier(role), sql.Identifier(str(login[0]))
                )
            )
    database = sql.Identifier(str(login[1]))
    admin.execute(sql.SQL("GRANT CREATE ON DATABASE {} TO {}").format(database, sql.Identifier(OWNER_ROLE)))
    admin.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, sql.Identifier(APP_ROLE)))
