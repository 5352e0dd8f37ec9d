"""`koudai proof`: receipts, proofs and the key to check them with; and the check, which opens nothing but the files."""

import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

import click

from koudai import proof as proofs
from koudai.base import Fault
from koudai.cli.codes import DONE, FAILED, WRONG_USAGE, CliFault
from koudai.cli.options import as_json, at_issuer
from koudai.cli.running import Call
from koudai.cli.session import Side, opened, opened_side
from koudai.cli.speak import note, print_json
from koudai.cli.tree import Group
from koudai.cli.values import EntryName, Text, Whole
from koudai.cli.words import language, word
from koudai.instance import Instance
from koudai.ledger import Place
from koudai.pg import Tx
from koudai.phrases import say
from koudai.proof.check import contents, key_from

_LARGEST = 2**63 - 1

_RESERVES = {"reserve": "koudai.cli.reserve:reserve", "reserve-of": "koudai.cli.reserve:reserve_of"}

proof = Group("proof", _RESERVES, help=word("help.proof"), no_args_is_help=True)

_out = click.option("--out", type=Text(4096), metavar="FILE", help=word("opt.out_proof"))


async def _made(instance: Instance, make: Callable[[Tx], Awaitable[str]]) -> tuple[str, proofs.Proven]:
    """A file, made once everything that was booked is in the log, and what it proves."""
    await proofs.catch_up(instance.db)
    file = await instance.db.transact(make)
    return file, proofs.verify(file.encode(), proofs.public_key(instance.keyring))


def deliver(file: str, out: str | None, facts: dict[str, Any], said: str, *, as_json: bool) -> None:
    """Write a file where it was asked for, and say what it is."""
    path = None if out in (None, "-") else out
    if path is not None:
        write_new(path, file.encode())
    if as_json:
        print_json({**facts, "out": path} if path else {**facts, "text": file})
    elif path is None:
        sys.stdout.write(file)
    else:
        note(word("say.proof_written", path=path, said=said))


def write_new(path: str, data: bytes, mode: int = 0o644) -> None:
    """Write a new file whole; one that holds the same is left as it is, and any other is not overwritten."""
    try:
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        except FileExistsError:
            with open(path, "rb") as file:
                if file.read(len(data) + 1) == data:
                    return
            raise Fault(CliFault.OUT_EXISTS, option="--out", path=path) from None
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
        except OSError:
            with suppress(OSError):
                os.unlink(path)
            raise
    except OSError as problem:
        reason = problem.strerror or type(problem).__name__
        raise Fault(CliFault.OUT_UNWRITABLE, option="--out", path=path, reason=reason) from problem


@proof.command("receipt", help=word("help.proof_receipt"))
@click.argument("entry", type=EntryName())
@_out
@at_issuer
@as_json
@click.pass_obj
def receipt(call: Call, entry: str, out: str | None, issuer: str, mode: str, as_json: bool) -> None:
    """Prove an entry."""

    async def work() -> tuple[str, proofs.Proven]:
        async with opened_side(issuer, mode) as side:
            place = _place(side, entry)
            try:
                return await _made(
                    side.instance, lambda tx: proofs.receipt(tx, side.instance.keyring, side.book, place)
                )
            except Fault as fault:
                if fault.code == proofs.LogFault.NO_ENTRY:
                    raise Fault(fault.code, entry=entry) from fault
                raise

    file, (kind, said, facts) = call.run(work())
    deliver(file, out, {"kind": kind, **facts}, said, as_json=as_json)


def _place(side: Side, entry: str) -> Place:
    batch_id, stroke, ordinal = entry.partition("/")
    return Place(int(batch_id), int(ordinal)) if stroke else Place(*side.internal_id("gact", entry))


@proof.command("consistency", help=word("help.proof_consistency"))
@click.argument("old", type=Whole(0, _LARGEST))
@click.argument("new", type=Whole(0, _LARGEST))
@_out
@as_json
@click.pass_obj
def consistency(call: Call, old: int, new: int, out: str | None, as_json: bool) -> None:
    """Prove that the log has only grown."""

    async def work() -> tuple[str, proofs.Proven]:
        async with opened() as instance:
            return await _made(instance, lambda tx: proofs.consistency(tx, instance.keyring, old, new))

    file, (kind, said, facts) = call.run(work())
    deliver(file, out, {"kind": kind, **facts}, said, as_json=as_json)


@proof.command("checkpoint", help=word("help.proof_checkpoint"))
@_out
@as_json
@click.pass_obj
def checkpoint(call: Call, out: str | None, as_json: bool) -> None:
    """Sign the log as it is."""

    async def work() -> tuple[str, proofs.Proven]:
        async with opened() as instance:
            return await _made(instance, lambda tx: proofs.checkpoint(tx, instance.keyring))

    file, (kind, said, facts) = call.run(work())
    deliver(file, out, {"kind": kind, **facts}, said, as_json=as_json)


@proof.command("key", help=word("help.proof_key"))
@_out
@as_json
@click.pass_obj
def key(call: Call, out: str | None, as_json: bool) -> None:
    """Hand out the key that proofs are checked with."""

    async def work() -> proofs.Key:
        async with opened() as instance:
            return proofs.public_key(instance.keyring)

    made = call.run(work())
    deliver(f"{made.text()}\n", out, {"kind": "key", "origin": made.name}, made.name, as_json=as_json)


@proof.command("check", help=word("help.proof_check"))
@click.argument("files", type=Text(4096), nargs=-1, required=True, metavar="FILE …")
@click.option("--key", "told", type=Text(4096), required=True, metavar="KEY", help=word("opt.public_key"))
@as_json
def check(files: Sequence[str], told: str, as_json: bool) -> int:
    """Check files under a key, offline."""
    try:
        with_key = key_from(told)
    except proofs.Unproven as unproven:
        raise Fault(unproven.code, detail=unproven.detail) from unproven
    results = [_checked(path, with_key) for path in files]
    if as_json:
        print_json({"holds": all(one["holds"] for one in results), "files": results})
    else:
        for one in results:
            print(_line(one))
    if any(one.get("code") == proofs.ProofFault.UNREADABLE for one in results):
        return WRONG_USAGE
    return DONE if all(one["holds"] for one in results) else FAILED


def _checked(path: str, with_key: proofs.Key) -> dict[str, Any]:
    try:
        kind, said, facts = proofs.verify(contents(path), with_key)
    except proofs.Unproven as unproven:
        detail = say(unproven.code, {"detail": unproven.detail}, language())
        return {"file": path, "holds": False, "code": str(unproven.code), "detail": detail}
    return {"file": path, "holds": True, "kind": kind, "said": said, **facts}


def _line(one: dict[str, Any]) -> str:
    """A result in a line; what a file says may not steer the terminal that it is shown on."""
    if one["holds"]:
        line = word("say.proof_holds", file=one["file"], kind=one["kind"], said=one["said"])
    else:
        line = word("say.proof_fails", file=one["file"], said=one["detail"], code=one["code"])
    return "".join(c if c.isprintable() else "\ufffd" for c in line)
