"""Create programmes, under which cards are issued, and put their documents."""

from collections.abc import Sequence
from typing import Any

import msgspec

from koudai import programmes
from koudai.base import Asset, Refused
from koudai.cards import store
from koudai.cards.model import Programme
from koudai.cards.refusals import CardRefusal
from koudai.ledger import (
    DrawOrder,
    FundingSource,
    Limit,
    Memory,
    Place,
    declare_limits,
    open_accounts,
    open_batch,
    request_text,
    write,
)
from koudai.pg import Tx, int4s, int8s, texts
from koudai.programmes import PutVersion, Registered, Version


class CreateProgramme(msgspec.Struct, frozen=True):
    """A wish for a programme. Caps are in minor units, of one card; None means there is none.

    A limit that makes no sense is refused, naming the field.
    """

    key: str
    name: str
    asset: Asset
    number_prefix: str
    max_balance_minor: int | None = None
    max_load_minor: int | None = None
    draw_order: DrawOrder = DrawOrder.BONUS_FIRST
    limits: tuple[Limit, ...] = ()


async def create_programmes(tx: Tx, book: int, commands: Sequence[CreateProgramme]) -> list[Programme | Refused]:
    """Make programmes, each with a funding account for every source; one outcome for each, in order."""
    sheet = await open_batch(tx, book, {c.key for c in commands})
    outcomes: list[Programme | Refused] = []
    for command in commands:
        request = _request(command)
        known = sheet.keys.recall(command.key, request)
        refused = known.as_refusal() if isinstance(known, Memory) else known
        if refused is not None:
            outcomes.append(refused)
        elif isinstance(known, Memory):
            programme_id = known.fact("programme_id")
            outcomes.append((await store.find_programmes(tx, book, [programme_id]))[programme_id])
        elif (bad := _bad_limit(command)) is not None:
            place = Place(sheet.batch_id, sheet.next_ordinal())
            sheet.keys.remember_refusal(command.key, request, place, bad)
            outcomes.append(bad)
        else:
            programme = await store.add_programme(
                tx, book, command.name, command.asset.code, command.number_prefix, command.max_balance_minor,
                command.max_load_minor, command.draw_order,
            )  # fmt: skip
            if command.limits:
                limits = await declare_limits(tx, book, programme.id, command.limits)
                programme = msgspec.structs.replace(programme, limits=tuple(limits))
            sources = list(FundingSource)
            accounts = await open_accounts(tx, book, command.asset, "funding", constrained=False, count=len(sources))
            await tx.rows(store.SQL["add_funding"], programme.id, texts(sources), int8s(accounts))
            place = Place(sheet.batch_id, sheet.next_ordinal())
            facts = request_text({"programme_id": programme.id})
            sheet.keys.remember(command.key, Memory(request, place, facts=facts))
            outcomes.append(programme)
    write(tx, sheet)
    return outcomes


def _bad_limit(command: CreateProgramme) -> Refused | None:
    for number, limit in enumerate(command.limits):
        field = limit.fault()
        if field is not None:
            return Refused(CardRefusal.BAD_LIMIT, {"field": f"limits[{number}].{field}"})
    return None


def _request(command: CreateProgramme) -> str:
    fields: dict[str, Any] = {
        "verb": "create_programme",
        "name": command.name,
        "currency": command.asset.code,
        "number_prefix": command.number_prefix,
        "max_balance_minor": command.max_balance_minor,
        "max_load_minor": command.max_load_minor,
    }
    # What came later stands in a request only where it says something, so that older keys stay what they were.
    if command.draw_order is not DrawOrder.BONUS_FIRST:
        fields["draw_order"] = command.draw_order
    if command.limits:
        fields["limits"] = [msgspec.to_builtins(limit) for limit in command.limits]
    return request_text(fields)


async def put_versions(tx: Tx, book: int, commands: Sequence[PutVersion]) -> list[Version | Refused]:
    """Put versions of programmes' documents (`programmes.put_versions`), each of which has to be of its programme."""
    found = await store.find_programmes(tx, book, {c.programme_id for c in commands})
    carded = {row[0] for row in await tx.rows(store.SQL["programmes_with_cards"], int4s(list(found)))}
    registered = {one.id: Registered(one.asset, one.number_prefix, one.id in carded) for one in found.values()}
    return await programmes.put_versions(tx, book, commands, registered)
