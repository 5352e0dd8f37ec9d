"""What every verb of `koudai card` does: find the card, run one command, show the entry or the cards that it made."""

from collections.abc import Callable
from typing import Any

import click

from koudai import cards
from koudai.base import Refused
from koudai.cli.options import as_json as with_json, at_issuer, of_card, with_key
from koudai.cli.render import activity_object, card_object, fields
from koudai.cli.running import Call
from koudai.cli.screen import print_fields
from koudai.cli.session import Side, key_or_new, opened_side
from koudai.cli.speak import as_fault, print_json
from koudai.cli.tree import Command
from koudai.pg import Tx


def card_ref(side: Side, name: str) -> cards.CardRef:
    """A card by its id or by the hash of its number; what pays, also by that of a pay code."""
    if cards.is_pay_code(name):
        return cards.pay_code_of(side.instance.keyring, name)
    if not name.startswith("gftc_"):
        return side.instance.keyring.lookup_hash(name)
    return side.internal_id("gftc", name)[0]


def happen(
    call: Call, issuer: str, mode: str, key: str | None, *, as_json: bool, command: Callable[[Side, str], cards.Command]
) -> None:  # fmt: skip
    """Run one command on a card and show the entry that it made."""
    key = key_or_new(key)

    async def work() -> dict[str, Any]:
        async with opened_side(issuer, mode) as side:
            wanted = command(side, key)
            (outcome,) = await side.instance.db.transact(lambda tx: cards.run(tx, side.book, [wanted]))
            if isinstance(outcome, Refused):
                raise as_fault(outcome, idempotency_key=key)
            return activity_object(side.instance.keyring, outcome)

    made = call.run(work())
    if as_json:
        print_json({**made, "idempotency_key": key})
    else:
        print_fields(fields(made))


def verb_of_card(name: str, purpose: str, command: Callable[..., cards.Command]) -> click.Command:
    """A verb that is told nothing but a card."""

    @click.command(name, cls=Command, help=purpose)
    @of_card
    @at_issuer
    @with_key
    @with_json
    @click.pass_obj
    def verb(call: Call, card: str, issuer: str, mode: str, key: str | None, as_json: bool) -> None:
        happen(
            call, issuer, mode, key, as_json=as_json,
            command=lambda side, key: command(key=key, card=card_ref(side, card)),
        )  # fmt: skip

    return verb


def make_cards(
    call: Call, issuer: str, mode: str, key: str | None, command: Callable[[Side, str], cards.Minting]
) -> dict[str, Any]:  # fmt: skip
    """Run one command that makes cards of a card: the entry that it made, and the new cards with their numbers."""
    key = key_or_new(key)

    async def work() -> dict[str, Any]:
        async with opened_side(issuer, mode) as side:
            keyring, wanted = side.instance.keyring, command(side, key)
            (outcome,) = await side.instance.db.transact(lambda tx: cards.run(tx, side.book, [wanted], keyring))
            if isinstance(outcome, Refused):
                raise as_fault(outcome, idempotency_key=key)
            made = [{**card_object(keyring, one.card, side.issuer.mode), "gan": one.number} for one in outcome.cards]
            activity = activity_object(keyring, outcome.activity)
            return {"activity": activity, "gift_cards": made, "idempotency_key": key}

    return call.run(work())


async def found_card(tx: Tx, side: Side, name: str) -> cards.Card:
    """A card by its id or number; raises the fault of an unknown card."""
    ref = card_ref(side, name)
    if isinstance(ref, bytes):
        found = await cards.card_by_number(tx, side.book, ref)
    else:
        found = (await cards.cards_by_id(tx, side.book, [ref])).get(ref)
    if found is None:
        raise as_fault(Refused(cards.CardRefusal.UNKNOWN_CARD))
    return found
