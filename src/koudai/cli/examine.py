"""The doctor's examination of an open installation: measures, and asks what each measure means."""

import stat
from collections.abc import Mapping
from pathlib import Path

import anyio.to_thread

from koudai import identity
from koudai.cli import diagnosis, host
from koudai.cli.diagnosis import Finding
from koudai.identity import Mode
from koudai.instance import Instance, keyring_path
from koudai.pg import Embedded, Statements, Tx, texts

SQL = Statements(Path(__file__).with_name("doctor.sql"))

_ADDED_TO_ONLY = [
    "ledger.transfers",
    "ledger.accounts",
    "ledger.batches",
    "ledger.deltas",
    "ledger.idempotency",
    "cards.activities",
    "cards.restrictions",
    "cards.pay_codes",
    "cards.pin_devices",
    "cards.pins",
    "cards.refund_parts",
    "cards.expiries",
    "cards.payouts",
    "cards.notices",
    "cards.refund_totals",
    "programmes.versions",
    "programmes.gates",
    "programmes.launches",
    "holders.consents",
    "holders.requests",
    "holders.verifications",
    "holders.erasures",
    "holders.reveals",
]


def keyring(environment: Mapping[str, str]) -> Finding | None:
    """Whether others can read the keyring's file; None when there is none."""
    path = keyring_path(environment)
    try:
        mode = path.stat().st_mode
    except OSError:
        return None
    return diagnosis.of_keyring(str(path), exposed=bool(mode & (stat.S_IRWXG | stat.S_IRWXO)))


async def examine(instance: Instance) -> list[Finding]:
    """All checks on an open installation. Raises Fault when the database doesn't answer them."""
    async with instance.db.transaction() as tx:
        findings = await _settings(tx)
        findings += await _clocks(instance, tx)
        findings += await _weak_defaults(instance, tx)
    embedded = instance.target.embedded
    if embedded is None:
        findings.append(diagnosis.of_disk(None, ""))
    else:
        findings += await anyio.to_thread.run_sync(_disk, embedded)
    return findings


async def _settings(tx: Tx) -> list[Finding]:
    row = await tx.row(SQL["settings"])
    assert row is not None
    fsync, full_page_writes, synchronous_commit, checksums, version, number = row
    return [
        diagnosis.of_version(version, number),
        diagnosis.of_setting("fsync", fsync),
        diagnosis.of_setting("full_page_writes", full_page_writes),
        diagnosis.of_setting("synchronous_commit", synchronous_commit),
        diagnosis.of_checksums(checksums),
    ]


def _disk(embedded: Embedded) -> list[Finding]:
    # Beside the data and not in it, where only the server's own files belong.
    directory = embedded.data_dir.parent
    return [
        diagnosis.of_fsync(host.fsync_micros(directory), host.file_system(embedded.data_dir)),
        diagnosis.of_disk(host.free_bytes(embedded.data_dir), str(embedded.data_dir)),
    ]


async def _clocks(instance: Instance, tx: Tx) -> list[Finding]:
    before = instance.clock.now()
    theirs = await tx.value(SQL["clock"])
    after = instance.clock.now()
    return [
        diagnosis.of_skew((theirs - (before + (after - before) / 2)).total_seconds()),
        diagnosis.of_future(await tx.value(SQL["future"])),
        diagnosis.of_synchronisation(host.clock_is_synchronised()),
    ]


async def _weak_defaults(instance: Instance, tx: Tx) -> list[Finding]:
    role = await tx.row(SQL["role"])
    wire = await tx.row(SQL["wire"])
    assert role is not None
    assert wire is not None
    shared = instance.target.shares_login
    # A login that serves both roles is told as such; its being a superuser is then the lesser matter.
    superuser = role[1] or (role[4] and not shared)
    return [
        diagnosis.of_rights([row[0] for row in await tx.rows(SQL["too_wide"], texts(_ADDED_TO_ONLY))]),
        diagnosis.of_role(role[0], role[3], superuser=superuser, owner=role[2]),
        diagnosis.of_logins(shared=shared),
        diagnosis.of_wire(remote=wire[0], protocol=wire[2] if wire[1] else None),
        await _live_keys(instance, tx),
    ]


async def _live_keys(instance: Instance, tx: Tx) -> Finding:
    keys = [key for key in await identity.list_keys(tx) if key.mode is Mode.LIVE]
    good = await identity.good_keys(tx, [key.id for key in keys])
    now = instance.clock.now()
    ages = [(now - key.created_at).total_seconds() / 86400 for key in keys if key.id in good]
    return diagnosis.of_live_keys(ages, embedded=instance.target.embedded is not None)
