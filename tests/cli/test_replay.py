"""`koudai replay` and `koudai run`, `koudai serve`, and how they end."""

import json
import re
import signal
import socket
import time
import urllib.error
import urllib.request
from pathlib import Path
from subprocess import Popen
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from koudai.jobs.replay import sample_path

YEAR = {
    "Invoice": ["1", "2", "C3", "C4", "5", "C6"],
    "Quantity": [1, 2, -1, -1, 1000, -1],
    "Price": [10.0, 2.5, 4.0, 99.0, 12.345, 1.0],
    "InvoiceDate": [f"2010-01-0{day} 10:00" for day in range(1, 7)],
    "Customer ID": ["7", "8", "7", "8", None, None],
    "Country": ["France", "EIRE", "France", "EIRE", "France", "EIRE"],
}


def write(path: Path, **columns: list[Any]) -> str:
    pq.write_table(pa.table({**YEAR, **{name.replace("_", " "): values for name, values in columns.items()}}), path)
    return str(path)


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write(tmp_path_factory.mktemp("year") / "year.parquet")


def test_one_object_and_the_same_again(koudai: Any, year: str) -> None:
    told = koudai.run("replay", year, "--json")
    assert told.status == 0, told
    answer = told.json()
    assert answer.pop("seconds") >= 0
    assert answer == {
        "invoices": 6,
        "redeemed": {"count": 3, "minor": 1236_000},
        "refunded": {"count": 1, "minor": 400},
        "skipped": 0,
        "refused": {"cards.refund_exceeds_paid": 1, "cards.unknown_card": 1},
        "cards_issued": 3,
        "merchants": {
            "EIRE": {"redeemed_minor": 500, "refunded_minor": 0, "net_minor": 500},
            "France": {"redeemed_minor": 1235_500, "refunded_minor": 400, "net_minor": 1235_100},
        },
        "verified": True,
    }
    assert "6/6" in told.err
    again = koudai.done("replay", year)
    assert again.pop("seconds") >= 0
    assert again == answer
    table = koudai.run("replay", year, language="zh_CN.UTF-8").out
    assert "12,351.00 GBP" in table
    assert "拒绝：cards.unknown_card" in table
    assert "核验通过：是" in table


def test_another_file_is_refused_unless_set_apart(koudai: Any, tmp_path: Path) -> None:
    other = write(tmp_path / "other.parquet", Quantity=[2, 2, -1, -1, 1000, -1])
    told = koudai("replay", other, "--json")
    assert (told.status, told.error()["code"]) == (1, "replay.other_dataset")
    assert "--dataset" in told.error()["detail"]
    assert koudai.done("replay", other, "--dataset", "other")["verified"]


def test_bad_files(koudai: Any, tmp_path: Path) -> None:
    (tmp_path / "text.parquet").write_text("Invoice,Quantity\n")
    (tmp_path / "none.parquet").write_bytes(b"")
    pq.write_table(
        pa.table({name: values for name, values in YEAR.items() if name != "Price"}), tmp_path / "few.parquet"
    )
    bad = {
        str(tmp_path / "missing.parquet"): "replay.file_missing",
        str(tmp_path): "replay.file_unreadable",
        str(tmp_path / "text.parquet"): "replay.not_parquet",
        str(tmp_path / "none.parquet"): "replay.not_parquet",
        str(tmp_path / "few.parquet"): "replay.column_missing",
        write(tmp_path / "price.parquet", Price=["1", "2", "x", "4", "5", "6"]): "replay.column_type",
        write(tmp_path / "date.parquet", InvoiceDate=["2010-13-01 10:00"] * 6): "replay.no_date",
        write(tmp_path / "two.parquet", Invoice=["1", "1", "C3", "C4", "5", "C6"]): "replay.two_customers",
    }
    for path, code in bad.items():
        told = koudai("replay", path, "--dataset", "bad", "--json")
        assert (told.status, told.error()["code"]) == (1, code)
    told = koudai("replay", str(tmp_path / "few.parquet"), language="zh_CN.UTF-8")
    assert "Price" in told.err
    assert "缺少" in told.err


def test_ctrl_c_is_one_line_and_130(koudai: Any) -> None:
    process = koudai.start("replay", str(sample_path()), "--dataset", "stopped")
    assert process.stderr.readline().startswith("Reading")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, "")
    assert [line for line in err.splitlines() if not line.startswith("Booking")] == [
        "koudai: Interrupted. What was answered is booked; the rest can be sent again with its key. [cli.interrupted]"
    ]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def await_line(process: "Popen[str]", pattern: str) -> re.Match[str]:
    """The first line on standard output that matches; fails when it ends without."""
    assert process.stdout is not None
    for line in process.stdout:
        found = re.search(pattern, line)
        if found:
            return found
    pytest.fail(f"it ended without {pattern}")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serve_until_a_signal(koudai: Any, number: signal.Signals) -> None:
    port = free_port()
    process = koudai.start("serve", KOUDAI_PORT=str(port))
    await_line(process, f"http://127.0.0.1:{port}")
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz") as answer:
        assert answer.status == 200

    taken = koudai.run("serve", "--port", str(port))
    assert (taken.status, len(taken.err.splitlines())) == (1, 1)
    assert taken.err.endswith("[cli.port_taken]\n")

    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "Stopped.\n")


def test_a_warning_where_others_can_reach_it(koudai: Any) -> None:
    process = koudai.start("serve", "--host", "0.0.0.0", "--port", str(free_port()))  # noqa: S104
    assert "TLS" in process.stderr.readline()
    await_line(process, "http")
    process.terminate()
    process.communicate(timeout=30)
    assert process.returncode == 0


def test_run_on_a_database_with_other_work_is_refused(koudai: Any) -> None:
    koudai.done("key", "create", "first")
    told = koudai.run("run", "--port", str(free_port()))
    assert told.status == 1
    assert told.err.splitlines()[-1].endswith(("[replay.not_empty]", "[replay.other_dataset]"))


def ask(url: str, token: str) -> int:
    """The status of a request with a key; the body has to be JSON."""
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})  # noqa: S310
    try:
        with urllib.request.urlopen(request) as answer:  # noqa: S310
            assert json.load(answer)["data"]
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        return refused.code


def test_the_year_then_a_key_that_works_then_the_same_again(fresh_home: Any) -> None:
    tokens = []
    for _ in range(2):
        port = free_port()
        began = time.monotonic()
        process = fresh_home.start("run", "--port", str(port))
        try:
            await_line(process, r"invoices +28,816")
            await_line(process, r"redeemed +20,951 +10,305,892.01 GBP")
            await_line(process, r"refunded +4,054 +355,398.20 GBP")
            await_line(process, r"skipped +3,273")
            await_line(process, r"refused: cards.refund_exceeds_paid +318")
            await_line(process, r"refused: cards.unknown_card +220")
            await_line(process, r"cards issued +6,119")
            await_line(process, r"Verified: yes")
            await_line(process, rf"Open http://127.0.0.1:{port}/docs")
            curl = await_line(process, r"curl -H 'Authorization: Bearer (kd_test_\w+)' (\S+)")
            assert time.monotonic() - began < 60
            tokens.append(curl[1])
            for token, status in zip(tokens, [401, 200][-len(tokens) :], strict=True):
                assert ask(curl[2], token) == status
        finally:
            process.terminate()
            _, err = process.communicate(timeout=30)
        assert process.returncode == 0, err
        assert not list(fresh_home.home.glob("postgres-*/postmaster.pid"))
    (programme,) = fresh_home.done("programme", "list")["data"]
    assert programme["currency"] == "GBP", "where no issuer is named, the only one is meant"
