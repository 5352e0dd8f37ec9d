"""What a database can do to us, as faults with a code instead of a driver's exceptions."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

import psycopg
from psycopg import errors

from koudai.base import Fault


class PgFault(StrEnum):
    """Why the database could not answer."""

    UNAVAILABLE = "pg.unavailable"
    REFUSED_LOGIN = "pg.refused_login"
    DISK_FULL = "pg.disk_full"
    READ_ONLY = "pg.read_only"
    TOO_OLD = "pg.too_old"
    BAD_URL = "pg.bad_url"
    TLS_REQUIRED = "pg.tls_required"
    NO_PRIVILEGE = "pg.no_privilege"
    FOREIGN_SCHEMA = "pg.foreign_schema"
    SCHEMA_CHANGED = "pg.schema_changed"
    SCHEMA_NEWER = "pg.schema_newer"
    CONTENTION = "pg.contention"


class Conflict(Exception):
    """Two transactions met on one row or key: nothing was done, and the same work can be tried again."""


_SAY = (
    (errors.DiskFull, PgFault.DISK_FULL),
    (errors.ReadOnlySqlTransaction, PgFault.READ_ONLY),
    (errors.InsufficientPrivilege, PgFault.NO_PRIVILEGE),
    (errors.InvalidPassword, PgFault.REFUSED_LOGIN),
    (errors.InvalidAuthorizationSpecification, PgFault.REFUSED_LOGIN),
    (errors.InvalidCatalogName, PgFault.REFUSED_LOGIN),
)


@contextmanager
def as_faults() -> Iterator[None]:
    """Turn what the driver raises into `Fault` and `Conflict`; what is a bug passes through as it is."""
    try:
        yield
    except (errors.UniqueViolation, errors.DeadlockDetected, errors.SerializationFailure) as error:
        raise Conflict(str(error)) from error
    except psycopg.Error as error:
        if isinstance(error, errors.InvalidSqlStatementName) or "cached plan must not change" in str(error):
            # The session forgot a statement, or its tables changed under it; it is prepared anew.
            raise Conflict(str(error)) from error
        for kind, code in _SAY:
            if isinstance(error, kind):
                raise Fault(code, detail=_first_line(error)) from error
        if isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError)):
            # An error at connecting carries no SQLSTATE, so its words must do.
            refused = any(
                words in str(error) for words in ("authentication failed", "does not exist", "permission denied")
            )
            code = PgFault.REFUSED_LOGIN if refused else PgFault.UNAVAILABLE
            raise Fault(code, detail=_first_line(error)) from error
        raise


def _first_line(error: psycopg.Error) -> str:
    text = error.diag.message_primary or str(error)
    return text.strip().splitlines()[0] if text.strip() else type(error).__name__
