"""Where the database is, from the environment, and the connection strings of its two roles."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from koudai.base import Fault
from koudai.pg.embedded import Embedded
from koudai.pg.faults import PgFault

URL = "KOUDAI_DATABASE_URL"
OWNER_URL = "KOUDAI_OWNER_DATABASE_URL"

OWNER_ROLE = "koudai_owner"
APP_ROLE = "koudai_app"

_SESSION = "-c jit=off -c timezone=UTC -c idle_in_transaction_session_timeout=60s"

# The application finds rows by their keys, thousands at a time. A plan made while a table was small
# would scan it for as long as the session lives, so its plans are pinned to indexes and nested loops.
_PINNED = (
    "-c enable_seqscan=off -c enable_bitmapscan=off -c enable_hashjoin=off -c enable_mergejoin=off"
    " -c plan_cache_mode=force_generic_plan"
)


@dataclass(frozen=True)
class Target:
    """A database: how the application reaches it and how its owner does.

    `admin` is a login that may create the two roles; each session then becomes one of them, so that
    the application never holds the owner's rights even where one login serves both.
    """

    app: str
    admin: str
    embedded: Embedded | None = None

    @property
    def shares_login(self) -> bool:
        """Whether the application logs in as the one who owns the schema: works, and is weaker."""
        return self.app == self.admin

    def app_conninfo(self) -> str:
        """The application's connection string: sessions have the application role's rights alone."""
        return _with_role(self.app, APP_ROLE, f"{_SESSION} {_PINNED}")

    def owner_conninfo(self) -> str:
        """The connection string of the owner role, for migrations."""
        return _with_role(self.admin, OWNER_ROLE, _SESSION)


# A server that is gone without a word (a fail-over, a cut wire) is found out within half a minute. What
# the operator's own connection string says goes first.
_ALIVE = {
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}


def _with_role(conninfo: str, role: str, session: str) -> str:
    said = conninfo_to_dict(conninfo)
    options = f"{said.get('options') or ''} {session} -c role={role}".strip()
    return make_conninfo(conninfo, **{**_ALIVE, **said, "options": options, "application_name": "koudai"})


def find_target(environment: Mapping[str, str]) -> Target | None:
    """The server that the environment names, or None when it names none: then the embedded one is meant.

    Raises Fault when the URL can't be read, or would send a password over a network unprotected.
    """
    url = environment.get(URL, "").strip()
    if not url:
        return None
    app = _secured(url, URL, environment)
    owner = environment.get(OWNER_URL, "").strip()
    return Target(app=app, admin=_secured(owner, OWNER_URL, environment) if owner else app)


def _secured(url: str, variable: str, environment: Mapping[str, str]) -> str:
    try:
        parts = conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        # The message of the parser may repeat the password, so it is not told.
        raise Fault(PgFault.BAD_URL, variable=variable) from error
    # In the order in which the driver's library looks for them: an address goes before any name.
    addresses = parts.get("hostaddr") or environment.get("PGHOSTADDR")
    hosts = str(addresses or parts.get("host") or environment.get("PGHOST") or "").split(",")
    # What a service file says isn't known here, so a service is taken for remote; a socket ignores TLS.
    if "service" not in parts and all(_is_local(host) for host in hosts):
        return url
    asked = parts.get("sslmode") or "verify-full"
    if asked != "verify-full":
        raise Fault(PgFault.TLS_REQUIRED, variable=variable, sslmode=str(asked))
    root = parts.get("sslrootcert") or environment.get("PGSSLROOTCERT") or "system"
    return make_conninfo(url, sslmode="verify-full", sslrootcert=str(root))


def _is_local(host: str) -> bool:
    if host in ("", "localhost") or host.startswith(("/", "@")):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
