"""The checker by itself: one file, copied to where nothing of koudai is, run as a command."""

import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from koudai.ledger.leaves import entry_data
from koudai.proof import check

SOURCE = Path(check.__file__)


@pytest.fixture
def run(tmp_path, log):
    """Run the copied checker on a folder with a receipt and the key."""
    folder = tmp_path / "stranger"
    folder.mkdir()
    shutil.copy(SOURCE, folder / "check.py")
    (folder / "receipt.txt").write_bytes(log.receipt().encode())
    (folder / "issuer.key").write_bytes(f"{log.key.text()}\n".encode())

    def run(*arguments, **files):
        for name, text in files.items():
            (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        command = [sys.executable, "-I", "check.py", *map(str, arguments)]
        return subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", timeout=60, check=False)

    return run


def test_it_imports_the_standard_library_and_cryptography_alone():
    tree = ast.parse(SOURCE.read_text(encoding="utf-8"))
    named = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names] if isinstance(node, ast.Import)
            else [node.module] if isinstance(node, ast.ImportFrom) else []
        )
    }  # fmt: skip
    assert not any(node.level for node in ast.walk(tree) if isinstance(node, ast.ImportFrom))
    assert named - sys.stdlib_module_names == {"cryptography"}


def test_what_holds_is_said_in_a_line_each(run, log):
    done = run("receipt.txt", "grown", "note", "--key", "issuer.key", grown=log.consistency(3), note=log.checkpoint())
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "receipt.txt: receipt holds: entry 1 of batch 10, recorded 2024-05-01T12:00:10Z in book 3, is in the log"
        " example.org/pocket of 5 batches: 1999 CNY in minor units from account 1001 to account 2000, redeem,"
        " 2024-05-01T12:00:00.000001Z",
        "grown: consistency holds: the log example.org/pocket grew from 3 to 5 batches,"
        " and those it had are unchanged",
        "note: checkpoint holds: example.org/pocket signed a log of 5 batches",
    ]  # fmt: skip


def test_the_key_is_given_itself_or_by_its_file(run, log):
    for key in ("issuer.key", log.key.text()):
        assert run("receipt.txt", "--key", key).returncode == 0


def test_one_file_that_fails_fails_all_and_the_others_are_told(run, log):
    spoilt = log.receipt().replace("entry-index 0", "entry-index 1")
    done = run("spoilt", "receipt.txt", "--key", "issuer.key", spoilt=spoilt)
    assert done.returncode == 1
    first, second = done.stdout.splitlines()
    assert first == "spoilt: NOT PROVEN: proof.not_included: entry: the batch doesn't hold it at entry-index"
    assert second.startswith("receipt.txt: receipt holds: ")


def test_another_key_fails(run, new_log):
    done = run("receipt.txt", "--key", new_log([[1]], seed=2).key.text())
    assert (done.returncode, done.stdout.count("proof.wrong_key")) == (1, 1)


def test_json_has_an_object_a_line(run, log):
    done = run("receipt.txt", "spoilt", "absent", "--key", "issuer.key", "--json", spoilt=log.receipt()[:-1])
    assert done.returncode == 2
    holds, spoilt, absent = map(json.loads, done.stdout.splitlines())
    assert holds == {"file": "receipt.txt", "holds": True, "kind": "receipt"} | {
        **check.verify(log.receipt().encode(), log.key).facts
    }
    assert spoilt == {
        "file": "spoilt", "holds": False, "code": "proof.malformed",
        "detail": f"line {log.receipt().count(chr(10)) + 1}: another line is expected here",
    }  # fmt: skip
    assert (absent["file"], absent["holds"], absent["code"]) == ("absent", False, "proof.unreadable")


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("receipt.txt",),
        ("--key", "issuer.key"),
        ("receipt.txt", "--key", "absent"),
        ("receipt.txt", "--key", "."),
        ("receipt.txt", "--key", "receipt.txt"),
        ("receipt.txt", "--key", "noise"),
        ("receipt.txt", "--key", "example.org/pocket+00000000+AAAA"),
        ("receipt.txt", "--key", "issuer.key", "--what"),
        ("absent", "--key", "issuer.key"),
        (".", "--key", "issuer.key"),
        ("absent", "receipt.txt", "--key", "issuer.key"),
    ],
)
def test_what_cant_be_read_or_isnt_understood_exits_2(run, arguments):
    done = run(*arguments, noise=b"\xff\xfe")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_nothing_of_koudai_is_loaded(run, tmp_path):
    see = (
        "import sys; sys.path.insert(0, '.'); import check\n"
        "assert check.main(['receipt.txt', '--key', 'issuer.key']) == 0\n"
        "assert not [name for name in sys.modules if name.startswith('koudai')]\n"
    )
    subprocess.run([sys.executable, "-I", "-c", see], cwd=tmp_path / "stranger", timeout=60, check=True)


def test_what_a_file_says_steers_no_terminal(run, log):
    legs = [(1, 1, 2, 3, "CNY", "\x1b[2J\nreceipt.txt: receipt holds\u202e", log.entries[0][0][0][6], 1, 0, 0)]
    done = run("odd", "--key", "issuer.key", odd=log.forged(entry_data(bytes(16), 10, 1, legs)))
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 1
    assert "\\x1b[2J\\nreceipt.txt: receipt holds\\u202e" in done.stdout
