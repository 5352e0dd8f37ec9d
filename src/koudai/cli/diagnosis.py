"""What the doctor can find, and how bad it is. Pure: from what was measured to what it means."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

_FSYNC_IMPLAUSIBLE_US = 20.0
_MEMORY_FILE_SYSTEMS = ("tmpfs", "ramfs")
_GIB = 2**30
_DISK_FAIL_BYTES = 1 * _GIB
_DISK_WARN_BYTES = 5 * _GIB
_SKEW_WARN_S = 1.0
_SKEW_FAIL_S = 30.0
_OLDEST_VERSION = 160000
_DURABLE_COMMITS = ("on", "local", "remote_write", "remote_apply")
_KEY_AGE_DAYS = 365


class Status(StrEnum):
    """How a check ended; `fail` makes the exit status 1."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Diagnosis(StrEnum):
    """What is found."""

    KEYRING_PRIVATE = "doctor.keyring_private"
    KEYRING_EXPOSED = "doctor.keyring_exposed"
    DURABLE = "doctor.durable"
    NOT_DURABLE = "doctor.not_durable"
    FSYNC_MEASURED = "doctor.fsync_measured"
    FSYNC_IMPLAUSIBLE = "doctor.fsync_implausible"
    FSYNC_MEMORY = "doctor.fsync_memory"
    CHECKSUMS_ON = "doctor.checksums_on"
    CHECKSUMS_OFF = "doctor.checksums_off"
    DISK_FREE = "doctor.disk_free"
    DISK_LOW = "doctor.disk_low"
    DISK_UNKNOWN = "doctor.disk_unknown"
    CLOCKS_AGREE = "doctor.clocks_agree"
    CLOCKS_DIFFER = "doctor.clocks_differ"
    NO_FUTURE = "doctor.no_future"
    FUTURE = "doctor.future"
    SYNCHRONISED = "doctor.synchronised"
    NOT_SYNCHRONISED = "doctor.not_synchronised"
    SYNCHRONISATION_UNKNOWN = "doctor.synchronisation_unknown"
    VERSION = "doctor.version"
    VERSION_TOO_OLD = "doctor.version_too_old"
    RIGHTS_NARROW = "doctor.rights_narrow"
    RIGHTS_TOO_WIDE = "doctor.rights_too_wide"
    ROLE_PLAIN = "doctor.role_plain"
    ROLE_SUPERUSER = "doctor.role_superuser"
    ROLE_OWNER = "doctor.role_owner"
    LOGINS_APART = "doctor.logins_apart"
    LOGIN_SHARED = "doctor.login_shared"
    WIRE_LOCAL = "doctor.wire_local"
    WIRE_TLS = "doctor.wire_tls"
    WIRE_OPEN = "doctor.wire_open"
    KEYS_FRESH = "doctor.keys_fresh"
    KEYS_LIVE_EMBEDDED = "doctor.keys_live_embedded"
    KEYS_OLD = "doctor.keys_old"


@dataclass(frozen=True)
class Finding:
    """One check: its name, how it ended, and the code and figures that say why."""

    check: str
    status: Status
    code: str
    facts: dict[str, Any] = field(default_factory=dict)


def _finding(check: str, status: Status, code: Diagnosis, **facts: Any) -> Finding:
    return Finding(check, status, code, facts)


def of_keyring(path: str, exposed: bool) -> Finding:
    """Whether others can read the keyring."""
    if exposed:
        return _finding("keyring", Status.FAIL, Diagnosis.KEYRING_EXPOSED, path=path)
    return _finding("keyring", Status.OK, Diagnosis.KEYRING_PRIVATE, path=path)


def of_setting(name: str, value: str) -> Finding:
    """Whether a setting keeps what was committed."""
    safe = value in _DURABLE_COMMITS if name == "synchronous_commit" else value == "on"
    status, code = (Status.OK, Diagnosis.DURABLE) if safe else (Status.FAIL, Diagnosis.NOT_DURABLE)
    return _finding(name, status, code, setting=name, value=value)


def of_fsync(micros: float, kind: str | None) -> Finding:
    """Whether the disk can have done what it was asked to."""
    facts = {"micros": round(micros, 1), "file_system": kind or "?"}
    if kind in _MEMORY_FILE_SYSTEMS:
        return _finding("fsync_measured", Status.WARN, Diagnosis.FSYNC_MEMORY, **facts)
    if micros < _FSYNC_IMPLAUSIBLE_US:
        return _finding("fsync_measured", Status.WARN, Diagnosis.FSYNC_IMPLAUSIBLE, **facts)
    return _finding("fsync_measured", Status.OK, Diagnosis.FSYNC_MEASURED, **facts)


def of_checksums(value: str) -> Finding:
    """Whether a page that the disk returned otherwise than it was written is noticed."""
    if value == "on":
        return _finding("data_checksums", Status.OK, Diagnosis.CHECKSUMS_ON)
    return _finding("data_checksums", Status.WARN, Diagnosis.CHECKSUMS_OFF)


def of_disk(free: int | None, path: str) -> Finding:
    """Whether the disk of the data has room; None where it's another machine's."""
    if free is None:
        return _finding("disk", Status.WARN, Diagnosis.DISK_UNKNOWN)
    facts = {"path": path, "free_bytes": free, "free_gib": round(free / _GIB, 1)}
    if free >= _DISK_WARN_BYTES:
        return _finding("disk", Status.OK, Diagnosis.DISK_FREE, **facts)
    status = Status.FAIL if free < _DISK_FAIL_BYTES else Status.WARN
    return _finding("disk", status, Diagnosis.DISK_LOW, **facts)


def of_skew(seconds: float) -> Finding:
    """How far the database's clock is ahead of this machine's."""
    facts = {"skew_s": round(seconds, 3)}
    if abs(seconds) <= _SKEW_WARN_S:
        return _finding("clock_skew", Status.OK, Diagnosis.CLOCKS_AGREE, **facts)
    status = Status.FAIL if abs(seconds) > _SKEW_FAIL_S else Status.WARN
    return _finding("clock_skew", status, Diagnosis.CLOCKS_DIFFER, **facts)


def of_future(ahead_s: float | None) -> Finding:
    """Whether a batch was recorded later than now: then the clock has gone backwards since."""
    if ahead_s is not None and ahead_s > _SKEW_WARN_S:
        return _finding("clock_future", Status.FAIL, Diagnosis.FUTURE, ahead_s=round(ahead_s, 3))
    return _finding("clock_future", Status.OK, Diagnosis.NO_FUTURE)


def of_synchronisation(synchronised: bool | None) -> Finding:
    """Whether this machine's clock follows a time source."""
    if synchronised is None:
        return _finding("clock_source", Status.WARN, Diagnosis.SYNCHRONISATION_UNKNOWN)
    if not synchronised:
        return _finding("clock_source", Status.WARN, Diagnosis.NOT_SYNCHRONISED)
    return _finding("clock_source", Status.OK, Diagnosis.SYNCHRONISED)


def of_version(name: str, number: int) -> Finding:
    """Whether the database is new enough."""
    if number < _OLDEST_VERSION:
        return _finding("version", Status.FAIL, Diagnosis.VERSION_TOO_OLD, version=name, needed="16")
    return _finding("version", Status.OK, Diagnosis.VERSION, version=name)


def of_rights(too_wide: list[str]) -> Finding:
    """Whether the application could change what is only ever added to."""
    if too_wide:
        facts = {"rights": ", ".join(too_wide)}
        return _finding("rights", Status.FAIL, Diagnosis.RIGHTS_TOO_WIDE, **facts)
    return _finding("rights", Status.OK, Diagnosis.RIGHTS_NARROW)


def of_role(role: str, login: str, *, superuser: bool, owner: bool) -> Finding:
    """Whether the application's role, or its login, stands above the rights."""
    if superuser:
        return _finding("role", Status.FAIL, Diagnosis.ROLE_SUPERUSER, role=role, login=login)
    if owner:
        return _finding("role", Status.FAIL, Diagnosis.ROLE_OWNER, role=role, login=login)
    return _finding("role", Status.OK, Diagnosis.ROLE_PLAIN, role=role, login=login)


def of_logins(*, shared: bool) -> Finding:
    """Whether who has the application's password has the owner's rights too."""
    if shared:
        return _finding("logins", Status.WARN, Diagnosis.LOGIN_SHARED)
    return _finding("logins", Status.OK, Diagnosis.LOGINS_APART)


def of_wire(*, remote: bool, protocol: str | None) -> Finding:
    """Whether the way to the database is protected."""
    if protocol:
        return _finding("tls", Status.OK, Diagnosis.WIRE_TLS, protocol=protocol)
    if remote:
        return _finding("tls", Status.FAIL, Diagnosis.WIRE_OPEN)
    return _finding("tls", Status.OK, Diagnosis.WIRE_LOCAL)


def of_live_keys(ages_days: list[float], *, embedded: bool) -> Finding:
    """What is to be said of the live-mode keys in force, by their ages."""
    if ages_days and embedded:
        return _finding("live_keys", Status.WARN, Diagnosis.KEYS_LIVE_EMBEDDED, count=len(ages_days))
    old = sum(age > _KEY_AGE_DAYS for age in ages_days)
    if old:
        return _finding("live_keys", Status.WARN, Diagnosis.KEYS_OLD, count=old, days=_KEY_AGE_DAYS)
    return _finding("live_keys", Status.OK, Diagnosis.KEYS_FRESH, count=len(ages_days))
