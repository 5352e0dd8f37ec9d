"""The offline checker: does a receipt, another proof or a signed summary hold under an issuer's key?

It stands alone: this one file, Python 3.11 or newer, and the package `cryptography`. Nobody has to be
asked, and nothing is read but the files named.

    python check.py FILE... --key KEY [--json]

KEY is the issuer's verifier key, or a file that holds it. Exit status: 0 when every file holds, 1 when
one doesn't, 2 when something can't be read. docs/reference/proofs.md describes the formats.
"""

import argparse
import io
import json
import re
import struct
import sys
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

MAX_FILE = 8 * 2**20
"""Bytes of the largest file that is read."""

MAX_PATH = 64
"""Hashes of the longest path: a tree of 2^63 leaves is no higher."""

RECEIPT, CONSISTENCY, RESERVE = "koudai-receipt@v1", "koudai-consistency@v1", "koudai-reserve@v1"

RESERVE_NAME = "/reserve"
"""What the name of a key that signs summaries ends with: neither they nor checkpoints pass for the other."""

_ED25519 = b"\x01"
_EMPTY_ROOT = sha256().digest()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LEG = ("ordinal", "debit_account", "debit_lot", "credit_account", "credit_lot", "amount_minor")
_MOVE = (
    "{amount_minor} {asset} in minor units from account {debit_account} to account {credit_account}, {kind}, {event_at}"
)
_OWES = "the {total_minor} {asset} that {issuer} ({mode}) owed as of {as_of}"

Take = Callable[[str], tuple[Any, ...]]
"""Takes the next fields of leaf data, by their `struct` format."""


class ProofFault(StrEnum):
    """Why a proof is not accepted."""

    UNREADABLE = "proof.unreadable"
    TOO_LARGE = "proof.too_large"
    BAD_KEY = "proof.bad_key"
    MALFORMED = "proof.malformed"
    NOT_CANONICAL = "proof.not_canonical"
    WRONG_KEY = "proof.wrong_key"
    BAD_SIGNATURE = "proof.bad_signature"
    NOT_INCLUDED = "proof.not_included"
    NOT_CONSISTENT = "proof.not_consistent"
    MISMATCH = "proof.mismatch"


class Unproven(Exception):
    """A proof that is not accepted: why, and which line or field of it. `detail` quotes nothing of the file."""

    def __init__(self, code: ProofFault, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class Proven(NamedTuple):
    """What a file proves: its kind, in a sentence, and as facts for JSON (RFC 3339 times, minor units)."""

    kind: str
    said: str
    facts: dict[str, Any]


class Key(NamedTuple):
    """An issuer's key: a C2SP verifier key for Ed25519."""

    name: str
    public: bytes

    @property
    def id(self) -> bytes:
        """The four bytes by which a signature names its key."""
        return sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:4]

    def text(self) -> str:
        """The key as it is handed out; in a file, a newline follows it."""
        return f"{self.name}+{self.id.hex()}+{b64encode(_ED25519 + self.public).decode()}"

    @classmethod
    def read(cls, text: str) -> "Key":
        """A key from its text or its file's; raises Unproven when it is none."""
        match = re.fullmatch(r"([^\s+]+)\+[0-9a-f]{8}\+([A-Za-z0-9+/]{44})\n?", text)
        key = cls(match[1], b64decode(match[2])[1:]) if match else None
        if key and key.name.isprintable() and key.text() == text.removesuffix("\n"):
            return key
        raise Unproven(ProofFault.BAD_KEY, "this is no verifier key for Ed25519: name+id+base64")


class Lines:
    """The lines of a text, taken one after the other; each value has one way only to be written."""

    def __init__(self, data: bytes, within: str = "") -> None:
        self._within = within
        self._taken = self._note = 0
        try:
            self._lines = data.decode().split("\n")
        except UnicodeDecodeError as error:
            self._taken = data.count(b"\n", 0, error.start) + 1
            raise self.fault("UTF-8 is expected here") from error

    def fault(self, what: str, code: ProofFault = ProofFault.MALFORMED) -> Unproven:
        """A fault of the line that was taken last."""
        return Unproven(code, f"{self._within}line {self._taken}: {what}")

    def begins(self, start: str) -> bool:
        """Whether there is another line, and it begins so."""
        return self._taken < len(self._lines) and self._lines[self._taken].startswith(start)

    def take(self, start: str = "") -> str:
        """The next line, without what it has to start with."""
        there = self.begins(start)
        self._taken += 1
        if not there:
            raise self.fault(f"{start.strip() or 'another line'} is expected here")
        return self._lines[self._taken - 1].removeprefix(start)

    def number(self, start: str = "") -> int:
        """A decimal number below 2^63."""
        text = self.take(start)
        if not re.fullmatch("0|[1-9][0-9]{0,18}", text) or int(text) >= 2**63:
            raise self.fault("a whole number below 2^63, without zeros before it, is expected here")
        return int(text)

    def data(self, start: str = "", length: int | None = None) -> bytes:
        """Bytes in base64."""
        text = self.take(start)
        try:
            data = b64decode(text, validate=True)
        except ValueError as error:
            raise self.fault("base64 is expected here") from error
        if length not in (None, len(data)):
            raise self.fault(f"{length} bytes are expected here, not {len(data)}")
        if b64encode(data).decode() != text:
            raise self.fault("base64 has no stray bits", ProofFault.NOT_CANONICAL)
        return data

    def path(self, start: str, length: int = 32) -> list[bytes]:
        """Hashes, or nodes of another length, a line for each, perhaps none."""
        found: list[bytes] = []
        while self.begins(start):
            found.append(self.data(start, length))
            if len(found) > MAX_PATH:
                raise self.fault(f"a path has {MAX_PATH} hashes at most")
        return found

    def empty(self, last: bool = False) -> None:
        """A line with nothing in it; the last one is what follows the last newline."""
        if self.take() or (last and self.begins("")):
            raise self.fault("nothing is expected here", ProofFault.NOT_CANONICAL)

    def origin(self, key: Key) -> None:
        """The first line of a C2SP note, which names its key."""
        self._note = self._taken
        if self.take() != key.name:
            raise self.fault(f"the name of the key given, {key.name}, is expected here", ProofFault.WRONG_KEY)

    def signed(self, key: Key) -> None:
        """The end of a note and of the text: this key, and it alone, signed the lines from the origin on."""
        body = "".join(f"{line}\n" for line in self._lines[self._note : self._taken])
        self.empty()
        signature = self.data(f"— {key.name} ", 68)
        if signature[:4] != key.id:
            raise self.fault("this names another key than the one given", ProofFault.WRONG_KEY)
        try:
            Ed25519PublicKey.from_public_bytes(key.public).verify(signature[4:], body.encode())
        except InvalidSignature as error:
            raise self.fault("this is no signature by the key given", ProofFault.BAD_SIGNATURE) from error
        self.empty(last=True)


class Checkpoint(NamedTuple):
    """A log as its issuer signed it: so many batches, under this root."""

    origin: str
    size: int
    root: bytes

    def facts(self) -> dict[str, Any]:
        """The same for JSON."""
        return {"origin": self.origin, "tree_size": self.size, "root": b64encode(self.root).decode()}

    @classmethod
    def read(cls, lines: Lines, key: Key) -> "Checkpoint":
        """A C2SP checkpoint, with which a text ends; raises Unproven unless this key signed it, and it alone."""
        lines.origin(key)
        note = cls(key.name, lines.number(), lines.data(length=32))
        if note.size == 0 and note.root != _EMPTY_ROOT:
            raise lines.fault("a log of no batches has another root", ProofFault.MISMATCH)
        lines.signed(key)
        return note


def is_included(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """RFC 9162, 2.1.3.2: whether the tree of that size and root has that leaf data at that index."""
    return 0 <= index < size and _climb(index, size - 1, sha256(b"\x00" + leaf).digest(), path)[1] == root


def is_consistent(old: int, old_root: bytes, new: int, new_root: bytes, path: Sequence[bytes]) -> bool:
    """RFC 9162, 2.1.4.2: whether the tree of the new size and root begins with the leaves of the old one."""
    if old in (0, new):
        return not path and old_root == (new_root if old == new else _EMPTY_ROOT)
    if not 0 < old < new or not path:
        return False
    first, *rest = path if old & (old - 1) else (old_root, *path)
    fn, sn = old - 1, new - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    return _climb(fn, sn, first, rest) == (old_root, new_root)


def _climb(fn: int, sn: int, start: bytes, path: Sequence[bytes]) -> tuple[bytes, bytes]:
    """RFC 9162's way from a node to the root: of the tree in which nothing follows the node, and of the whole.

    Neither is anything when the path is too short or too long.
    """
    fr = sr = start
    for node in path:
        if sn == 0:
            return b"", b""
        if fn & 1 or fn == sn:
            fr, sr = _node(node, fr), _node(node, sr)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = _node(sr, node)
        fn, sn = fn >> 1, sn >> 1
    return (fr, sr) if sn == 0 else (b"", b"")


def is_counted(leaf: bytes, amount: int, index: int, path: Sequence[bytes], total: int, root: bytes) -> bool:
    """Whether the sum tree of that total and root has that leaf data, of that amount, at that index.

    A node is hashed with the sums of both its children; none is negative, and none exceeds the total.
    """
    node = sha256(b"\x00" + leaf).digest()
    for sibling in path:
        if amount > total:
            return False
        child = amount.to_bytes(8) + node
        node = _node(sibling, child) if index & 1 else _node(child, sibling)
        amount, index = amount + int.from_bytes(sibling[:8]), index >> 1
    return (amount, node, index) == (total, root, 0)


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def read_entry(data: bytes) -> dict[str, Any]:
    """What the leaf data of an entry says; raises Unproven unless it can be."""
    with _leaf("koudai.entry.v1", data) as take:
        _salt, batch_id, first, count = take("16sQIH")
        legs = []
        for ordinal in range(first, first + count):
            *numbers, micros = take("IQQQQQq")
            leg = {**dict(zip(_LEG, numbers, strict=True)), "event_at": _moment(micros)}
            legs.append({**leg, "asset": _text(take), "kind": _text(take)})
            if leg["ordinal"] != ordinal or leg["amount_minor"] == 0:
                raise Unproven(ProofFault.MISMATCH, "entry: its legs aren't numbered from its ordinal, or move nothing")
    if not legs:
        raise Unproven(ProofFault.MISMATCH, "entry: it has no leg")
    return {"batch_id": batch_id, "ordinal": first, "legs": legs}


def read_batch(data: bytes) -> tuple[dict[str, Any], bytes]:
    """What the leaf data of a batch says, and its root."""
    with _leaf("koudai.batch.v1", data) as take:
        batch_id, book, micros, entries, root = take("QIqI32s")
        recorded_at = _moment(micros)
    return {"batch_id": batch_id, "book": book, "recorded_at": recorded_at, "entries": entries}, root


def read_part(data: bytes) -> tuple[str, int, int]:
    """What the leaf data of a reserve says: whose part it is, the whole balance, and the part."""
    with _leaf("koudai.reserve.v1", data) as take:
        _salt, balance, amount = take("16sQQ")
        return _text(take), balance, amount


def read_summary(lines: Lines, key: Key) -> tuple[dict[str, Any], bytes]:
    """What an issuer owes to all holders, as it signed it, and the root of its tree; a text ends with it."""
    of: dict[str, Any] = {"origin": f"{key.name}{RESERVE_NAME}"}
    signer = Key(of["origin"], key.public)
    lines.origin(signer)
    of |= {name: lines.take(f"{name} ") for name in ("issuer", "mode", "asset")}
    of |= {"as_of": lines.take("as-of "), "tree_size": lines.number("log-size ")}
    of["log_root"] = b64encode(lines.data("log-root ", 32)).decode()
    of |= {"total_minor": lines.number("total "), "leaves": lines.number("leaves ")}
    root = lines.data("root ", 32)
    lines.signed(signer)
    return {**of, "root": b64encode(root).decode()}, root


def prove_receipt(lines: Lines, key: Key) -> Proven:
    """That the signed log holds an entry of a batch, and what they say."""
    entry, index, path = lines.data("entry "), lines.number("entry-index "), lines.path("entry-hash ")
    batch, batch_index, batch_path = lines.data("batch "), lines.number("batch-index "), lines.path("batch-hash ")
    lines.empty()
    note = Checkpoint.read(lines, key)
    if not is_included(batch, batch_index, note.size, batch_path, note.root):
        raise Unproven(ProofFault.NOT_INCLUDED, "batch: the signed log doesn't hold it at batch-index")
    of, root = read_batch(batch)
    if not is_included(entry, index, of["entries"], path, root):
        raise Unproven(ProofFault.NOT_INCLUDED, "entry: the batch doesn't hold it at entry-index")
    it = read_entry(entry)
    if it["batch_id"] != of["batch_id"]:
        raise Unproven(ProofFault.MISMATCH, "entry: it names another batch")
    moves = [_MOVE.format_map(leg) for leg in it["legs"][:3]] + ["and more"] * (len(it["legs"]) > 3)
    said = (
        f"entry {it['ordinal']} of batch {of['batch_id']}, recorded {of['recorded_at']} in book {of['book']}, is in"
        f" the log {note.origin} of {note.size} batches: {'; '.join(moves)}"
    )
    return Proven("receipt", said, {**of, **it, "entry_index": index, "batch_index": batch_index, **note.facts()})


def prove_consistency(lines: Lines, key: Key) -> Proven:
    """That a log which was signed twice has only grown between."""
    notes = [lines.data("old "), lines.data("new ")]
    path = lines.path("hash ")
    lines.empty(last=True)
    old, new = Checkpoint.read(Lines(notes[0], "old, "), key), Checkpoint.read(Lines(notes[1], "new, "), key)
    if not is_consistent(old.size, old.root, new.size, new.root, path):
        raise Unproven(ProofFault.NOT_CONSISTENT, "hash: the new log isn't the old one with batches added")
    said = f"the log {new.origin} grew from {old.size} to {new.size} batches, and those it had are unchanged"
    return Proven("consistency", said, {"old": old.facts(), "new": new.facts()})


def prove_checkpoint(lines: Lines, key: Key) -> Proven:
    """That the key signed this; nothing of what stands in the log."""
    note = Checkpoint.read(lines, key)
    return Proven("checkpoint", f"{note.origin} signed a log of {note.size} batches", note.facts())


def prove_summary(lines: Lines, key: Key) -> Proven:
    """That the key signed this total; not who is counted in it."""
    of, _ = read_summary(lines, key)
    return Proven("reserve-summary", f"{_OWES.format_map(of)}, in a tree of {of['leaves']} leaves", of)


def prove_reserve(lines: Lines, key: Key) -> Proven:
    """That all parts of a holder's balance are counted in what the issuer signed that it owes."""
    parts: list[tuple[bytes, int, list[bytes]]] = []
    while not parts or lines.begins("leaf "):
        parts.append((lines.data("leaf "), lines.number("leaf-index "), lines.path("leaf-node ", 40)))
    lines.empty()
    of, root = read_summary(lines, key)
    holder, balance, _ = read_part(parts[0][0])
    left, before = balance, -1
    for number, (leaf, index, path) in enumerate(parts, 1):
        whose, whole, amount = read_part(leaf)
        if of["leaves"] != 1 << len(path) or not is_counted(leaf, amount, index, path, of["total_minor"], root):
            raise Unproven(ProofFault.NOT_INCLUDED, f"leaf {number}: the signed total doesn't count it at leaf-index")
        if (whose, whole) != (holder, balance) or not holder or index <= before:
            raise Unproven(ProofFault.MISMATCH, f"leaf {number}: it is another balance's, or not in order")
        left, before = left - amount, index
    if left:
        raise Unproven(ProofFault.MISMATCH, "leaf: the parts don't add up to the balance")
    said = f"{balance} {of['asset']} in minor units of {holder} are counted in {_OWES.format_map(of)}"
    return Proven("reserve", said, {"holder": holder, "balance_minor": balance, "parts": len(parts), **of})


KINDS = {RECEIPT: prove_receipt, CONSISTENCY: prove_consistency, RESERVE: prove_reserve}
"""What proves a file, by its first line; a file with any other is a bare summary or checkpoint."""


def verify(data: bytes, key: Key) -> Proven:
    """What a file proves under an issuer's key; raises Unproven when it doesn't."""
    if len(data) > MAX_FILE:
        raise Unproven(ProofFault.TOO_LARGE, f"the file has more than {MAX_FILE} bytes")
    lines = Lines(data)
    first = lines.take()
    if first in KINDS:
        return KINDS[first](lines, key)
    return (prove_summary if first == key.name + RESERVE_NAME else prove_checkpoint)(Lines(data), key)


@contextmanager
def _leaf(tag: str, data: bytes) -> Iterator[Take]:
    """Take leaf data apart, from its tag to its end."""
    stream = io.BytesIO(data)

    def take(form: str) -> tuple[Any, ...]:
        return struct.unpack(f">{form}", stream.read(struct.calcsize(f">{form}")))

    try:
        if _text(take) != tag:
            raise ValueError("another tag")
        yield take
        if stream.read(1):
            raise ValueError("bytes are left")
    except (struct.error, ValueError, OverflowError) as error:
        raise Unproven(ProofFault.MALFORMED, f"this is no {tag}: it fails at byte {stream.tell()} of it") from error


def _text(take: Take) -> str:
    return str(take(f"{take('H')[0]}s")[0], "utf-8")


def _moment(micros: int) -> str:
    return (_EPOCH + timedelta(microseconds=micros)).isoformat().replace("+00:00", "Z")


def key_from(told: str) -> Key:
    """A key that is given as its text, or by the name of a file that holds it; raises Unproven when it is none."""
    if re.search(r"\+[0-9a-f]{8}\+", told):
        return Key.read(told)
    try:
        return Key.read(contents(told).decode())
    except UnicodeDecodeError as error:
        raise Unproven(ProofFault.BAD_KEY, "the file that is named isn't text") from error


def contents(path: str) -> bytes:
    """What a file holds, up to a byte more than `verify` reads; raises Unproven when it can't be read."""
    try:
        with open(path, "rb") as file:
            return file.read(MAX_FILE + 1)
    except OSError as error:
        raise Unproven(ProofFault.UNREADABLE, error.strerror or type(error).__name__) from error


def main(arguments: Sequence[str] | None = None) -> int:
    """Check the files that the command line names; the exit status."""
    parser = argparse.ArgumentParser(prog="check.py", description="Prove koudai's receipts and proofs under a key.")
    parser.add_argument("files", nargs="+", metavar="FILE", help="a receipt, a consistency proof or a checkpoint")
    parser.add_argument("--key", required=True, help="the issuer's verifier key, or a file that holds it")
    parser.add_argument("--json", action="store_true", help="one JSON object a line, with every fact")
    options = parser.parse_args(arguments)
    try:
        key = key_from(options.key)
    except Unproven as error:
        parser.error(f"--key: {error}")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    status = 0
    for path in options.files:
        try:
            kind, said, facts = verify(contents(path), key)
            line, told = f"{path}: {kind} holds: {said}", {"file": path, "holds": True, "kind": kind, **facts}
        except Unproven as unproven:
            status = max(status, 2 if unproven.code is ProofFault.UNREADABLE else 1)
            line = f"{path}: NOT PROVEN: {unproven}"
            told = {"file": path, "holds": False, "code": unproven.code, "detail": unproven.detail}
        # What a file says may not steer the terminal that it is shown on.
        shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)
        print(json.dumps(told) if options.json else shown)
    return status


if __name__ == "__main__":
    sys.exit(main())
