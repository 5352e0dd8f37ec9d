"""Run: the one way for everything that happens to cards.

Commands of any kind come as a list. What they name is found, the cards are locked in the order of
their ids, their state is read, the commands are folded in order, and one batch is written.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, overload

from koudai.base import Refused
from koudai.cards import rules
from koudai.cards.commands import Command, Exchange, Issue, Replace, SpendSplit, Split
from koudai.cards.desk import Desk
from koudai.cards.gifts.link import Ink
from koudai.cards.gifts.model import ClaimGift, GiveGift
from koudai.cards.gifts.store import gift_statements, gifts_with_tokens
from koudai.cards.issue.issue import NUMBER_SHOWN_AGAIN, cards_of, shown_again
from koudai.cards.law.gather import what_was_judged
from koudai.cards.life.last import renew_due
from koudai.cards.life.store import look_again_statements
from koudai.cards.model import Activity, Given, Issued, Minted
from koudai.cards.named import Named, find_named
from koudai.cards.numbers import Generate, Mint, generate
from koudai.cards.opening import open_desk
from koudai.cards.restrict.rules import lapse_due
from koudai.cards.secrets.store import write_secrets
from koudai.cards.spend.hold import release_due
from koudai.cards.spend.store import keep_statements
from koudai.cards.stock.model import CreateStock, Stock
from koudai.cards.stock.store import shelf_statements, stocks_again
from koudai.cards.store import (
    SQL,
    add_cards_statement,
    add_entries_statement,
    add_payouts_statement,
    continue_restrictions_statement,
    end_restrictions_statement,
    lay_refunds_statement,
    read_activities,
    restrict_statement,
    set_expiries_statement,
)
from koudai.cards.terms import terms_of_book
from koudai.identity import Keyring, Vault, current_vault_key
from koudai.ledger import Memory, Place, write
from koudai.pg import Tx, columns, int8s, texts

Outcome = Activity | Refused

Minting = Split | SpendSplit | Replace | ClaimGift | Exchange
"""Commands whose outcome has new cards beside its activity."""


@overload
async def run(
    tx: Tx, book: int, commands: Sequence[Issue], keyring: Keyring, *, generate: Generate = generate
) -> list[Issued | Refused]: ...


@overload
async def run(
    tx: Tx, book: int, commands: Sequence[Minting], keyring: Keyring, *, generate: Generate = generate
) -> list[Minted | Refused]: ...


@overload
async def run(
    tx: Tx, book: int, commands: Sequence[GiveGift], keyring: Keyring, vault: Vault, *, generate: Generate = generate
) -> list[Given | Refused]: ...


@overload
async def run(
    tx: Tx, book: int, commands: Sequence[CreateStock], keyring: Keyring, *, generate: Generate = generate
) -> list[Stock | Refused]: ...


@overload
async def run(tx: Tx, book: int, commands: Sequence[Command]) -> list[Outcome]: ...


async def run(
    tx: Tx, book: int, commands: Sequence[Command], keyring: Keyring | None = None, vault: Vault | None = None, *,
    generate: Generate = generate,
) -> list[Any]:  # fmt: skip
    """Run commands on the cards of a book; one outcome for each, in order.

    A refused command doesn't stop the others. A key that was used before answers its first outcome
    again; where the command is another one, it is refused, naming the field. Raises `pg.Conflict`
    when another transaction used one of the keys meanwhile: nothing is done, and the same call can
    be repeated.

    Commands that make cards or gifts need the keyring, gifts the vault too: what their givers write is personal.
    Numbers and tokens are in their answers, and again under the same key for 15 minutes; after that nobody is shown
    more than the last four digits.
    Those of a stock are told by `print_stock`. A refusal has to be committed like any outcome: wrong
    tokens and PINs are counted.
    """
    terms = await terms_of_book(tx, book)
    named = await find_named(tx, book, commands)
    desk = await open_desk(tx, book, named, terms)
    desk.mint = None if keyring is None else Mint(keyring, generate)
    if vault is not None and any(isinstance(command, GiveGift) and command.words for command in commands):
        desk.gifts.ink = Ink(vault, await current_vault_key(tx, vault))
    _let_happen(desk)
    folded = [rules.apply(desk, command) for command in commands]
    _write(tx, desk)
    return await _told_again(tx, desk, folded, vault)


async def touch(tx: Tx, book: int, cards: Collection[int]) -> int:
    """Let happen to cards what is due without any command: holds expire, terms are renewed. How many were renewed."""
    named = Named(())
    named.touched = set(cards)
    desk = await open_desk(tx, book, named, await terms_of_book(tx, book))
    _let_happen(desk)
    _write(tx, desk)
    return len(desk.expiries)


def _let_happen(desk: Desk) -> None:
    """What is due at the locked cards without any command."""
    release_due(desk)
    lapse_due(desk)
    renew_due(desk)


async def _told_again(tx: Tx, desk: Desk, folded: list[Any], vault: Vault | None) -> list[Any]:
    """The outcomes, with what keys that were used before led to read again."""
    again = {outcome for outcome in folded if isinstance(outcome, Memory)}
    if not again:
        return folded
    book = desk.sheet.book
    activities = await read_activities(tx, book, {memory.place for memory in again})
    given = await _given_again(tx, desk, {one.place for one in again if _is_gift(one)}, activities, vault)
    facts = [memory for memory in again if memory.facts]
    stocks = await stocks_again(tx, book, facts)
    made = await shown_again(
        tx, desk, [memory for memory in facts if "stock_id" not in memory.facts_told() and not _is_gift(memory)]
    )
    return [_seen_again(one, activities, made, given, stocks) if isinstance(one, Memory) else one for one in folded]


def _is_gift(memory: Memory) -> bool:
    return "gift" in memory.facts_told()


async def _given_again(
    tx: Tx, desk: Desk, places: Collection[Place], activities: Mapping[Place, Activity], vault: Vault | None
) -> dict[Place, Given]:  # fmt: skip
    """Gifts that repeated keys made, with their tokens while those may still be shown."""
    if not places:
        return {}
    assert vault is not None, "gifts are given with the vault in hand"
    sheet, given = desk.sheet, {}
    for place, (gift, token) in (await gifts_with_tokens(tx, sheet.book, places, vault)).items():
        fresh = sheet.recorded_at - activities[place].recorded_at <= NUMBER_SHOWN_AGAIN
        given[place] = Given(activities[place], gift, token if fresh else None)
    return given


def _seen_again(
    memory: Memory, activities: Mapping[Place, Activity], made: Mapping[int, Issued], given: Mapping[Place, Given],
    stocks: Mapping[int, Stock],
) -> Any:  # fmt: skip
    """The outcome of a key that was used before."""
    if not memory.facts:
        return activities[memory.place]
    if memory.place in given:
        return given[memory.place]
    if "stock_id" in memory.facts_told():
        return stocks[memory.fact("stock_id")]
    issued = tuple(made[card_id] for card_id in cards_of(memory))
    return issued[0] if "card_id" in memory.facts_told() else Minted(activities[memory.place], issued)


def _write(tx: Tx, desk: Desk) -> None:
    """Write the batch: postings and keys by the ledger, and beside them the history of the cards."""
    batch_id = desk.sheet.batch_id
    more: list[tuple[Any, ...]] = []
    if desk.new_cards:
        more.append(add_cards_statement(desk.sheet.book, desk.sheet.batch_id, desk.new_cards))
    if desk.entries:
        more.append(add_entries_statement(batch_id, desk.entries))
    if desk.parts:
        more.append(lay_refunds_statement(batch_id, desk.parts))
    if desk.expiries:
        more.append(set_expiries_statement(batch_id, desk.expiries))
    if desk.payouts:
        more.append(add_payouts_statement(desk.sheet.book, batch_id, desk.payouts))
    if desk.states:
        more.append((SQL["set_states"], *columns((int8s, texts), list(desk.states.items()))))
    more += look_again_statements(desk)
    more += what_was_judged(desk)
    if desk.restricted:
        more.append(restrict_statement(batch_id, desk.restricted))
    if desk.continued:
        more.append(continue_restrictions_statement(batch_id, desk.sheet.now, desk.continued))
    if desk.unrestricted:
        more.append(end_restrictions_statement(batch_id, desk.sheet.now, desk.unrestricted))
    more += keep_statements(desk)
    more += gift_statements(desk)
    write(tx, desk.sheet, *more, *write_secrets(desk), *shelf_statements(desk))
