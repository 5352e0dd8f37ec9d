"""`koudai proof reserve|reserve-of`: what an issuer owes, proven; and a holder's part of it."""

import os
from pathlib import Path

import anyio.to_thread
import click

from koudai import proof as proofs
from koudai.base import Asset, Fault
from koudai.cli.codes import CliFault
from koudai.cli.options import as_json, at_issuer
from koudai.cli.proof import deliver, write_new
from koudai.cli.running import Call
from koudai.cli.session import opened, opened_side
from koudai.cli.speak import print_json
from koudai.cli.tree import Command
from koudai.cli.values import Currency, Opaque, Text
from koudai.cli.words import word

_SUMMARY = "summary.txt"
_HOLDERS = "holders.txt"


@click.command("reserve", cls=Command, help=word("help.reserve"))
@click.option("--currency", type=Currency(), required=True, metavar="CODE", help=word("opt.currency"))
@click.option("--out", type=Text(4096), required=True, metavar="DIR", help=word("opt.out_reserve"))
@at_issuer
@as_json
@click.pass_obj
def reserve(call: Call, currency: Asset, out: str, issuer: str, mode: str, as_json: bool) -> None:
    """Sign what an issuer owes in a currency, and keep what each holder's proof is cut from."""

    async def work() -> proofs.Reserve:
        async with opened_side(issuer, mode) as side:
            keyring = side.instance.keyring
            await proofs.catch_up(side.instance.db)
            owner = proofs.Owner(side.book, issuer, mode)
            return await proofs.reserve(
                side.instance.db, keyring, owner, currency.code,
                lambda ids: keyring.opaque_ids("gftc", [(one, 0) for one in ids]),
            )  # fmt: skip

    made = call.run(work())
    _make_directory(out)
    # The bundle holds every balance and the secret of every proof: for the issuer alone.
    write_new(os.path.join(out, _HOLDERS), made.bundle().encode(), 0o600)
    write_new(os.path.join(out, _SUMMARY), made.summary.encode())
    if as_json:
        print_json({"summary": os.path.join(out, _SUMMARY), "holders": os.path.join(out, _HOLDERS)})
    else:
        print(word("say.reserve_written", summary=_SUMMARY, holders=_HOLDERS, path=out))


def _make_directory(path: str) -> None:
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as problem:
        reason = problem.strerror or type(problem).__name__
        raise Fault(CliFault.OUT_UNWRITABLE, option="--out", path=path, reason=reason) from problem


@click.command("reserve-of", cls=Command, help=word("help.reserve-of"))
@click.argument("card", type=Opaque("gftc"))
@click.option("--from", "source", type=Text(4096), required=True, metavar="DIR", help=word("opt.from_reserve"))
@click.option("--out", type=Text(4096), metavar="FILE", help=word("opt.out_proof"))
@as_json
@click.pass_obj
def reserve_of(call: Call, card: str, source: str, out: str | None, as_json: bool) -> None:
    """Cut a holder's proof from a reserve that was made."""

    async def work() -> tuple[str, proofs.Proven]:
        async with opened(connections=1) as instance:
            key = proofs.public_key(instance.keyring)
            return await anyio.to_thread.run_sync(_cut, source, key, card)

    file, proven = call.run(work())
    deliver(file, out, proven.facts, proven.said, as_json=as_json)


def _cut(source: str, key: proofs.Key, card: str) -> tuple[str, proofs.Proven]:
    path = Path(source, _HOLDERS)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        reason = getattr(problem, "strerror", None) or type(problem).__name__
        raise Fault(CliFault.IN_UNREADABLE, option="--from", path=str(path), reason=reason) from problem
    file = proofs.reserve_of(proofs.read_bundle(text, key), key, card)
    return file, proofs.verify(file.encode(), key)
