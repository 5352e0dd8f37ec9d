"""Replay: run a retailer's year through the verbs, and say what the ledger holds at its end."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import anyio.to_thread
import msgspec

from koudai import cards, identity, ledger, merchants
from koudai.base import Fault, Refused, asset
from koudai.identity import Mode
from koudai.instance import Instance
from koudai.jobs.replay import plan
from koudai.jobs.replay.dataset import Dataset, read
from koudai.pg import Statements, Tx

SQL = Statements(Path(__file__).parent.with_name("queries.sql"))

_PIECE = 1000
_PREFIX = "990610"

Progress = Callable[[str, int, int], None]
"""Told the stage (`read`, `book`, `verify`), what is done and what there is in all."""


class ReplayFault(StrEnum):
    """Why a replay isn't begun."""

    OTHER_DATASET = "replay.other_dataset"
    NOT_EMPTY = "replay.not_empty"
    TAKEN = "replay.taken"


@dataclass
class Result:
    """What came of a year; amounts in pence. `merchants` is read from the ledger's transfers."""

    invoices: int
    skipped: int = 0
    redeemed: Counter[str] = field(default_factory=Counter)
    refunded: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    cards_issued: int = 0
    merchants: dict[str, tuple[int, int]] = field(default_factory=dict)
    verified: bool = False
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """The one object that `koudai replay --json` prints."""
        return {
            "invoices": self.invoices,
            "redeemed": {"count": self.redeemed["count"], "minor": self.redeemed["minor"]},
            "refunded": {"count": self.refunded["count"], "minor": self.refunded["minor"]},
            "skipped": self.skipped,
            "refused": dict(sorted(self.refused.items())),
            "cards_issued": self.cards_issued,
            "merchants": {
                name: {"redeemed_minor": paid, "refunded_minor": back, "net_minor": paid - back}
                for name, (paid, back) in sorted(self.merchants.items())
            },
            "verified": self.verified,
            "seconds": self.seconds,
        }

    def take(self, command: cards.Command, outcome: cards.Outcome) -> None:
        """Count an outcome."""
        if isinstance(outcome, Refused):
            self.refused[outcome.code] += 1
        elif isinstance(command, cards.Redeem):
            self.redeemed.update(count=1, minor=outcome.amount_minor)
        elif isinstance(command, cards.Refund):
            self.refunded.update(count=1, minor=outcome.amount_minor)


async def replay(
    instance: Instance,
    path: Path,
    dataset: str = "default",
    on_progress: Progress | None = None,
    *,
    only_if_empty: bool = False,
) -> Result:
    """Replay the file at `path` as the data set of that name, or finish it, or find it finished.

    Every data set has an issuer of its own. With `only_if_empty` a new one is begun only in a database
    without any other. Raises Fault when the file can't be read, when the name holds another file, or
    when another replay of it is running.
    """
    started = time.monotonic()
    tell = on_progress or (lambda stage, done, total: None)
    year = await anyio.to_thread.run_sync(read, path, lambda done, total: tell("read", done, total))
    async with instance.db.session_lock(f"jobs.replay/{dataset}") as alone:
        if not alone:
            raise Fault(ReplayFault.TAKEN, dataset=dataset)
        book = await instance.db.transact(lambda tx: _claim(tx, dataset, year.digest, only_if_empty))
        result = await _book(instance, book, year, tell)
    await instance.db.transact(ledger.fold_deltas)
    report = await instance.verify(lambda done, total: tell("verify", done, total))
    result.verified = report.holds
    result.seconds = round(time.monotonic() - started, 3)
    return result


def issuer_name(dataset: str) -> str:
    """The issuer that a data set is replayed into, on its test side."""
    return f"replay/{dataset}"


async def _claim(tx: Tx, dataset: str, digest: str, only_if_empty: bool) -> int:
    """The book of a data set: found by name, or begun."""
    row = await tx.row(SQL["find_dataset"], dataset)
    if row is not None:
        if row[1] != digest:
            raise Fault(ReplayFault.OTHER_DATASET, dataset=dataset)
        return int(row[0])
    if only_if_empty and await identity.list_issuers(tx):
        raise Fault(ReplayFault.NOT_EMPTY)
    issuer = await identity.find_issuer(tx, issuer_name(dataset), Mode.TEST, create=True)
    assert issuer is not None
    await tx.rows(SQL["add_dataset"], dataset, issuer.id, digest)
    return issuer.id


async def _book(instance: Instance, book: int, year: Dataset, tell: Progress) -> Result:
    programme_id, shops = await instance.db.transact(lambda tx: _set_up(tx, book, year))
    result = Result(len(year.invoices))
    books = plan.Books()
    ids: dict[str, int] = {}
    done = 0
    by_country = {name: merchant.id for name, merchant in shops.items()}
    for piece in plan.pieces(year.invoices, programme_id, by_country, books, _PIECE):
        await _run_piece(instance, book, piece, ids, books, result)
        done += piece.invoices
        tell("book", done, len(year.invoices))
    result.cards_issued = len(ids)
    async with instance.db.transaction(snapshot=True) as tx:
        turned = await ledger.turnover(tx, [m.account_id for m in shops.values()])
    for name, merchant in shops.items():
        mine = [t for t in turned if t.account == merchant.account_id]
        result.merchants[name] = (sum(t.in_minor for t in mine), sum(t.out_minor for t in mine))
    return result


async def _set_up(tx: Tx, book: int, year: Dataset) -> tuple[int, dict[str, merchants.Merchant]]:
    """The programme, and a merchant for each country; found again by their keys on a second run."""
    pounds = asset(plan.ASSET)
    assert pounds is not None
    wanted = cards.CreateProgramme("programme", "Online Retail", pounds, _PREFIX)
    (programme,) = await cards.create_programmes(tx, book, [wanted])
    assert isinstance(programme, cards.Programme)
    countries = sorted({invoice.country for invoice in year.invoices})
    registered = await merchants.register(
        tx, book, [merchants.Register(f"merchant/{name}", name, pounds) for name in countries]
    )
    shops = {m.name: m for m in registered if isinstance(m, merchants.Merchant)}
    assert len(shops) == len(countries)
    return programme.id, shops


async def _run_piece(
    instance: Instance, book: int, piece: plan.Piece, ids: dict[str, int], books: plan.Books, result: Result
) -> None:
    """Issue the cards of a piece, then run its commands, each in one transaction."""
    result.skipped += piece.skipped
    issues = list(piece.issues.values())
    if issues:
        issued = await instance.db.transact(lambda tx: cards.run(tx, book, issues, instance.keyring))
        for owner, card in zip(piece.issues, issued, strict=True):
            assert isinstance(card, cards.Issued), card
            ids[owner] = card.card.id
    commands = [msgspec.structs.replace(command, card=ids[owner] if owner else None) for owner, command in piece.steps]
    outcomes = await instance.db.transact(lambda tx: cards.run(tx, book, commands))
    for command, outcome in zip(commands, outcomes, strict=True):
        books.check(command, outcome)
        result.take(command, outcome)
