"""The books held against the journals of a chaos round: nothing that was answered is lost, or there twice."""

import asyncio
import http.client
import json
import random
import secrets
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chaos_client import Command, Door, is_clear, read_journals

from koudai import cards, identity, ledger, merchants
from koudai.base import Refused, asset
from koudai.identity import Mode, Scope
from koudai.instance import Instance
from koudai.ledger import Place
from koudai.pg import Tx, texts

_CARDS, _MERCHANTS = 200, 3
_START_MINOR = 100_000
_RESOLVE_WITHIN_S = 60.0
_ASKED_AGAIN = 50

# What each entry does to its card and to its merchant, per unit of its amount.
_MOVES = {
    "LOAD": (1, 0), "REDEEM": (-1, 1), "CAPTURE": (-1, 1), "REFUND": (1, -1), "TRANSFER_BALANCE_FROM": (-1, 0),
    "AUTHORISE": (0, 0), "VOID": (0, 0),
}  # fmt: skip


@dataclass
class Round:
    """What came of a round.

    Of the commands some were `acknowledged` and the others `resolved` by asking again; of both some were `refused`.
    """

    number: int
    kind: str
    seed: int
    mishaps: dict[str, int] = field(default_factory=dict)
    sent: int = 0
    acknowledged: int = 0
    resolved: int = 0
    refused: int = 0
    unclear: dict[str, int] = field(default_factory=dict)
    lost: int = 0
    doubled: int = 0
    wrong_balances: int = 0
    verified: bool = False
    seconds: float = 0.0
    said: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether nothing is lost, doubled or wrong."""
        return self.verified and not (self.lost or self.doubled or self.wrong_balances)


class Shop:
    """An issuer of an installation with its key, cards and merchants, and what they must hold by the answers so far."""

    def __init__(self, book: int, token: str) -> None:
        self.book = book
        self.token = token
        self.cards: dict[str, int] = {}
        self.merchants: dict[str, int] = {}
        self.held: Counter[str] = Counter()
        self.entries = 0


async def open_shop(instance: Instance) -> Shop:
    """Make an issuer with cards, each with value on it, and merchants."""
    db, ring, cny = instance.db, instance.keyring, asset("CNY")
    assert cny is not None

    async def begin(tx: Tx) -> tuple[Any, str]:
        side = await identity.find_issuer(tx, f"chaos {secrets.token_hex(4)}", Mode.TEST, create=True)
        assert side is not None
        return side, (await identity.create_key(tx, side, "chaos", tuple(Scope))).token

    side, token = await db.transact(begin)
    shop = Shop(side.id, token)
    wish = cards.CreateProgramme("programme", "Chaos", cny, "900001")
    (programme,) = await db.transact(lambda tx: cards.create_programmes(tx, shop.book, [wish]))
    wishes = [merchants.Register(f"m{n}", f"Shop {n}", cny) for n in range(_MERCHANTS)]
    shops = await db.transact(lambda tx: merchants.register(tx, shop.book, wishes))
    issues = [cards.Issue(key=f"c{n}", programme_id=programme.id) for n in range(_CARDS)]  # type: ignore[union-attr]
    issued = await db.transact(lambda tx: cards.run(tx, shop.book, issues, ring))
    made = [one for one in issued if not isinstance(one, Refused)]
    loads = [
        cards.Load(
            key=f"l{n}", card=one.card.id, amount_minor=_START_MINOR, asset="CNY", source=cards.FundingSource.CASH
        )
        for n, one in enumerate(made)
    ]
    await db.transact(lambda tx: cards.run(tx, shop.book, loads))
    shop.cards = {ring.opaque_id("gftc", one.card.id, 0): one.card.id for one in made}
    for one in shops:
        assert not isinstance(one, Refused)
        shop.merchants[ring.opaque_id("mrch", one.id, 0)] = one.account_id
    shop.held.update(dict.fromkeys(shop.cards, _START_MINOR))
    shop.entries = await count_entries(instance, shop)
    return shop


async def count_entries(instance: Instance, shop: Shop) -> int:
    """How many commands on the shop's cards were booked: an entry each that leads the others."""
    query = (
        "SELECT count(*) FROM cards.activities a JOIN cards.cards c ON c.id = a.card_id"
        " WHERE c.book = $1::int AND a.lead = a.ordinal"
    )
    return int(await instance.db.transact(lambda tx: tx.value(query, shop.book)))


async def settle(instance: Instance, shop: Shop, folder: Path, port: int, told: Round) -> None:
    """Hold the books against the answers, ask again where none came, and hold that against the books too."""
    commands = list(read_journals(folder))
    answered = [command for command in commands if command.answer is not None]
    unclear = [command for command in commands if command.answer is None]
    told.sent, told.acknowledged, told.unclear = len(commands), len(answered), dict(_count_unclear(folder))
    accepted = await _hold_against_books(instance, shop, answered, told)
    await asyncio.to_thread(_ask_again, Door(port, shop.token), unclear, told)
    accepted += await _hold_against_books(instance, shop, [c for c in unclear if c.answer is not None], told)
    # Some of those that were answered ask again as well: the answer is the same.
    chance = random.Random(told.seed)  # noqa: S311 - chance, and no secret
    some = chance.sample(answered, min(_ASKED_AGAIN, len(answered)))
    await asyncio.to_thread(_ask_once_more, Door(port, shop.token), some)
    for command in commands:
        _compare_answers(command, told)
    entries = await count_entries(instance, shop)
    more = entries - shop.entries - accepted
    if more > 0:
        told.doubled += more
        told.said.append(f"doubled: {more} entries that no answer tells of")
    shop.entries = entries
    await _hold_against_balances(instance, shop, told)
    report = await instance.verify()
    told.verified = report.holds
    told.said += [f"verify: {f.check}: {f.row}: {f.detail}" for f in report.findings[:10]]


def _count_unclear(folder: Path) -> Counter[str]:
    """Why attempts had no clear answer."""
    lines = (text for path in folder.glob("*.journal") for text in path.read_bytes().split(b"\n")[:-1])
    return Counter(json.loads(text)["why"] for text in lines if text.startswith(b'{"unclear"'))


def _ask_again(door: Door, unclear: list[Command], told: Round) -> None:
    """Ask until an answer is clear; that is what it was all along."""
    until = time.monotonic() + _RESOLVE_WITHIN_S
    for command in unclear:
        while command.answer is None and time.monotonic() < until:
            try:
                status, answer = door.ask(command.key, command.body)
            except (OSError, http.client.HTTPException, ValueError):
                time.sleep(0.1)
                continue
            if is_clear(status):
                command.answer = status, answer
                told.resolved += 1
            else:
                time.sleep(0.1)
        if command.answer is None:
            told.lost += 1
            told.said.append(f"lost: {command.key} got no answer within {_RESOLVE_WITHIN_S:g} s")


def _ask_once_more(door: Door, answered: list[Command]) -> None:
    for command in answered:
        command.others.append(door.ask(command.key, command.body))


def _compare_answers(command: Command, told: Round) -> None:
    for other in command.others:
        if command.answer is not None and _said(other) != _said(command.answer):
            told.doubled += 1
            told.said.append(f"two answers: {command.key}: {_said(command.answer)}, {_said(other)}")


async def _hold_against_books(instance: Instance, shop: Shop, commands: list[Command], told: Round) -> int:
    """Hold answers against what stands under their keys, and add them up; how many were accepted."""
    query = (
        "SELECT k.key, k.batch_id, k.ordinal, k.refusal, a.type::text, a.card_id, a.amount_minor"
        " FROM ledger.idempotency k LEFT JOIN cards.activities a ON a.batch_id = k.batch_id AND a.ordinal = k.ordinal"
        " WHERE k.book = $1::int AND k.key = ANY ($2::text[])"
    )
    keys = [command.key for command in commands]
    rows = await instance.db.transact(lambda tx: tx.rows(query, shop.book, texts(keys)))
    booked = {row[0]: row[1:] for row in rows}
    accepted = 0
    for command in commands:
        assert command.answer is not None
        wrong = _differs(instance, shop, command, booked.get(command.key))
        if wrong:
            told.lost += 1
            told.said.append(f"lost: {command.key}: {wrong}")
        elif command.answer[0] == 201:
            accepted += 1
            _reckon(shop, command.body, command.answer[1])
        else:
            told.refused += 1
    return accepted


def _said(answer: tuple[int, dict[str, Any]]) -> tuple[int, str]:
    status, body = answer
    return status, str(body.get("id") or body.get("code"))


def _differs(instance: Instance, shop: Shop, command: Command, row: Any) -> str | None:
    """How the books differ from an answer; None when they don't."""
    assert command.answer is not None
    status, answer = command.answer
    if row is None:
        return f"answered {_said(command.answer)}, and the key is not there"
    batch_id, ordinal, refusal, kind, card_id, amount_minor = row
    if status != 201:
        return None if refusal == answer["code"] and kind is None else f"refused {answer['code']}, booked {row}"
    place = instance.keyring.internal_id("gact", answer["id"])
    told = (place and Place(*place), None, answer["type"], shop.cards[answer["gift_card_id"]], answer["amount_minor"])
    found = (Place(batch_id, ordinal), refusal, kind, card_id, amount_minor)
    return None if told == found else f"answered {told}, booked {found}"


def _reckon(shop: Shop, body: dict[str, Any], answer: dict[str, Any]) -> None:
    """Add up what an answer did."""
    amount, (of_card, of_merchant) = answer["amount_minor"], _MOVES[answer["type"]]
    shop.held[answer["gift_card_id"]] += of_card * amount
    if of_merchant:
        shop.held[answer["merchant_id"]] += of_merchant * amount
    if "to_gift_card_id" in body:
        shop.held[body["to_gift_card_id"]] += amount


async def _hold_against_balances(instance: Instance, shop: Shop, told: Round) -> None:
    accounts = {**shop.cards, **shop.merchants}
    held = await instance.db.transact(lambda tx: ledger.balances(tx, accounts.values()))
    for name, account in accounts.items():
        if held[account] != shop.held[name]:
            told.wrong_balances += 1
            told.said.append(f"balance: {name} holds {held[account]}, its answers add up to {shop.held[name]}")
