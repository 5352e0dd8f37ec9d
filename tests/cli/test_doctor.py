"""What the doctor finds, on a sound installation and on weakened ones."""

from typing import Any

import pytest

from koudai.cli import diagnosis
from koudai.cli.diagnosis import Diagnosis, Finding, Status
from koudai.identity import IdentityFault

OK, WARN, FAIL = Status.OK, Status.WARN, Status.FAIL
GIB = 2**30

TABLE = [
    (diagnosis.of_setting("fsync", "on"), OK, Diagnosis.DURABLE),
    (diagnosis.of_setting("fsync", "off"), FAIL, Diagnosis.NOT_DURABLE),
    (diagnosis.of_setting("synchronous_commit", "remote_apply"), OK, Diagnosis.DURABLE),
    (diagnosis.of_setting("synchronous_commit", "local"), OK, Diagnosis.DURABLE),
    (diagnosis.of_setting("synchronous_commit", "off"), FAIL, Diagnosis.NOT_DURABLE),
    (diagnosis.of_setting("full_page_writes", "off"), FAIL, Diagnosis.NOT_DURABLE),
    (diagnosis.of_fsync(300.0, "ext4"), OK, Diagnosis.FSYNC_MEASURED),
    (diagnosis.of_fsync(19.0, "ext4"), WARN, Diagnosis.FSYNC_IMPLAUSIBLE),
    (diagnosis.of_fsync(300.0, "tmpfs"), WARN, Diagnosis.FSYNC_MEMORY),
    (diagnosis.of_fsync(300.0, None), OK, Diagnosis.FSYNC_MEASURED),
    (diagnosis.of_checksums("off"), WARN, Diagnosis.CHECKSUMS_OFF),
    (diagnosis.of_disk(5 * GIB, "/d"), OK, Diagnosis.DISK_FREE),
    (diagnosis.of_disk(5 * GIB - 1, "/d"), WARN, Diagnosis.DISK_LOW),
    (diagnosis.of_disk(GIB - 1, "/d"), FAIL, Diagnosis.DISK_LOW),
    (diagnosis.of_disk(None, ""), WARN, Diagnosis.DISK_UNKNOWN),
    (diagnosis.of_skew(-0.9), OK, Diagnosis.CLOCKS_AGREE),
    (diagnosis.of_skew(-1.1), WARN, Diagnosis.CLOCKS_DIFFER),
    (diagnosis.of_skew(31.0), FAIL, Diagnosis.CLOCKS_DIFFER),
    (diagnosis.of_future(None), OK, Diagnosis.NO_FUTURE),
    (diagnosis.of_future(-5.0), OK, Diagnosis.NO_FUTURE),
    (diagnosis.of_future(2.0), FAIL, Diagnosis.FUTURE),
    (diagnosis.of_synchronisation(True), OK, Diagnosis.SYNCHRONISED),
    (diagnosis.of_synchronisation(False), WARN, Diagnosis.NOT_SYNCHRONISED),
    (diagnosis.of_synchronisation(None), WARN, Diagnosis.SYNCHRONISATION_UNKNOWN),
    (diagnosis.of_version("16.4", 160004), OK, Diagnosis.VERSION),
    (diagnosis.of_version("15.9", 150009), FAIL, Diagnosis.VERSION_TOO_OLD),
    (diagnosis.of_logins(shared=True), WARN, Diagnosis.LOGIN_SHARED),
    (diagnosis.of_role("app", "app", superuser=True, owner=True), FAIL, Diagnosis.ROLE_SUPERUSER),
    (diagnosis.of_wire(remote=True, protocol="TLSv1.3"), OK, Diagnosis.WIRE_TLS),
    (diagnosis.of_wire(remote=True, protocol=None), FAIL, Diagnosis.WIRE_OPEN),
    (diagnosis.of_wire(remote=False, protocol=None), OK, Diagnosis.WIRE_LOCAL),
    (diagnosis.of_live_keys([366.0], embedded=True), WARN, Diagnosis.KEYS_LIVE_EMBEDDED),
    (diagnosis.of_live_keys([366.0, 1.0], embedded=False), WARN, Diagnosis.KEYS_OLD),
    (diagnosis.of_live_keys([1.0], embedded=False), OK, Diagnosis.KEYS_FRESH),
]


@pytest.mark.parametrize(("finding", "status", "code"), TABLE)
def test_what_a_measure_means(finding: Finding, status: Status, code: Diagnosis) -> None:
    assert (finding.status, finding.code) == (status, code)


def examined(koudai: Any, status: int) -> dict[str, dict[str, Any]]:
    told = koudai("doctor", "--json")
    assert told.status == status, told
    answer = told.json()
    checks = {check["check"]: check for check in answer["checks"]}
    assert len(checks) == len(answer["checks"]) == answer["ok"] + answer["warn"] + answer["fail"]
    assert (answer["fail"] > 0) is (status == 1)
    return checks


def test_a_sound_installation(koudai: Any) -> None:
    checks = examined(koudai, 0)
    assert set(checks) == {
        "version", "fsync", "full_page_writes", "synchronous_commit", "data_checksums", "fsync_measured", "disk",
        "clock_skew", "clock_future", "clock_source", "rights", "role", "logins", "tls", "live_keys", "keyring",
    }  # fmt: skip
    weather = {"fsync_measured", "disk", "clock_source"}
    assert {name: check["status"] for name, check in checks.items() if name not in weather} == dict.fromkeys(
        set(checks) - weather, "ok"
    )
    table = koudai.run("doctor", language="zh_CN.UTF-8")
    assert table.status == 0
    assert "fsync 为 on。" in table.out


WEAKENED = [
    ("ALTER DATABASE koudai SET synchronous_commit = off", "ALTER DATABASE koudai RESET synchronous_commit",
     "synchronous_commit", "doctor.not_durable"),
    ("GRANT UPDATE ON ledger.transfers TO koudai_app", "REVOKE UPDATE ON ledger.transfers FROM koudai_app",
     "rights", "doctor.rights_too_wide"),
    ("GRANT UPDATE (balance_minor) ON ledger.accounts TO koudai_app",
     "REVOKE UPDATE (balance_minor) ON ledger.accounts FROM koudai_app", "rights", "doctor.rights_too_wide"),
    ("GRANT koudai_owner TO koudai_app", "REVOKE koudai_owner FROM koudai_app", "role", "doctor.role_owner"),
    ("ALTER ROLE koudai_app SUPERUSER", "ALTER ROLE koudai_app NOSUPERUSER", "role", "doctor.role_superuser"),
    ("INSERT INTO ledger.batches VALUES (-1, 1, clock_timestamp() + interval '1 hour')",
     "DELETE FROM ledger.batches WHERE id = -1", "clock_future", "doctor.future"),
]  # fmt: skip


@pytest.mark.parametrize(("weaken", "restore", "check", "code"), WEAKENED)
def test_a_weakened_database(koudai: Any, weaken: str, restore: str, check: str, code: str) -> None:
    koudai.as_superuser(weaken)
    try:
        found = examined(koudai, 1)[check]
        assert (found["status"], found["code"]) == ("fail", code)
    finally:
        koudai.as_superuser(restore)


def test_what_is_named_wide(koudai: Any) -> None:
    koudai.as_superuser("GRANT UPDATE, DELETE ON ledger.transfers TO koudai_app")
    try:
        named = examined(koudai, 1)["rights"]["rights"]
    finally:
        koudai.as_superuser("REVOKE UPDATE, DELETE ON ledger.transfers FROM koudai_app")
    assert named == "DELETE ledger.transfers, UPDATE ledger.transfers"


def test_a_keyring_that_others_can_read(koudai: Any) -> None:
    keyring = koudai.home / "keyring.json"
    keyring.chmod(0o644)
    try:
        checks = examined(koudai, 1)
    finally:
        keyring.chmod(0o600)
    assert checks["opens"]["code"] == IdentityFault.KEYS_EXPOSED
    assert checks["keyring"]["code"] == "doctor.keyring_exposed"


def test_a_server_that_is_named_with_one_login(koudai: Any) -> None:
    told = koudai("doctor", "--json", KOUDAI_DATABASE_URL=koudai.server.dsn("postgres"))
    assert told.status == 0, told
    checks = {check["check"]: (check["status"], check["code"]) for check in told.json()["checks"]}
    assert checks["logins"] == ("warn", "doctor.login_shared")
    assert checks["disk"] == ("warn", "doctor.disk_unknown")
    assert checks["role"] == ("ok", "doctor.role_plain")
    assert checks["rights"] == ("ok", "doctor.rights_narrow")
    assert "fsync_measured" not in checks


def test_live_keys_on_the_embedded_database(koudai: Any) -> None:
    made = koudai.done("key", "create", "till", "--mode", "live")
    assert examined(koudai, 0)["live_keys"]["status"] == "warn"
    koudai.done("key", "revoke", made["id"])
    assert examined(koudai, 0)["live_keys"]["status"] == "ok"
