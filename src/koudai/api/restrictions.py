"""What restricts a card: ordered, continued, lifted, shown to the operator with its queue; and the loss report."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from koudai import cards
from koudai.api.commands import in_utc, known_currency
from koudai.api.door import Call
from koudai.api.gate import require
from koudai.api.ids import ACTIVITY
from koudai.api.problems import ApiProblem, Problem, invalid
from koudai.api.scalars import AmountMinor, Body, Currency, Moment, Name
from koudai.base import Refused
from koudai.cards import Activity, Command, Ending, Queued, RestrictionKind
from koudai.identity import Scope
from koudai.ledger import Place
from koudai.pg import Tx

_OWN = frozenset((RestrictionKind.HOLDER, RestrictionKind.ISSUER))

_Said = Annotated[str, Meta(max_length=500, pattern=r"^[^\x00]*$")]


class NewRestriction(Body, frozen=True, kw_only=True):
    """A restriction of a card, of an amount or without one of the whole card.

    `aml`, `police` and `court` name the `authority` and the `document` of its order; for these and for `risk` the key
    needs the scope `cards:restrict` too. A `temporary` freeze lasts 48 hours at most.
    """

    kind: RestrictionKind
    authority: _Said = ""
    document: _Said = ""
    amount_minor: AmountMinor | None = None
    currency: Currency | UnsetType = UNSET
    until: Moment | None = None
    temporary: bool = False


class NewLift(Body, frozen=True, kw_only=True):
    """Under whose power a restriction is lifted: its own kind's, or for the holder's also the issuer's."""

    kind: RestrictionKind
    authority: _Said = ""
    document: _Said = ""


class NewContinuation(Body, frozen=True, kw_only=True):
    """Under whose power, and by which order, a restriction lasts longer: until when, or else until it is lifted.

    What `aml`, `police` or `court` ordered is continued by the same authority. A temporary freeze is continued by a
    formal order, whose `document` is another one.
    """

    kind: RestrictionKind
    authority: _Said = ""
    document: _Said = ""
    until: Moment | None = None


class NewLossReport(Body, frozen=True, kw_only=True):
    """A holder's report that his card is lost; `document` is your reference of it."""

    document: Name | None = None


class Continuation(msgspec.Struct, frozen=True):
    """How a restriction was continued; its id is that of the activity that did."""

    id: str
    until: datetime | None
    until_before: datetime
    document: str
    document_before: str
    made_by: str
    made_at: datetime


class Restriction(msgspec.Struct, frozen=True):
    """A restriction; its id is that of the activity that made it. Term and document are what they are by now.

    `position` is its place in the queue of those in force, and `effective_minor` what it binds now of what the card
    holds beside its holds; null once it has ended. `made_by` and `lifted_by` are API keys.
    """

    id: str
    gift_card_id: str
    kind: RestrictionKind
    authority: str
    document: str
    amount_minor: int | None
    until: datetime | None
    temporary: bool
    made_by: str
    made_at: datetime
    position: int | None
    effective_minor: int | None
    ended: Ending | None = None
    ended_at: datetime | None = None
    lifted_as: RestrictionKind | None = None
    lifted_authority: str | None = None
    lifted_document: str | None = None
    lifted_by: str | None = None
    continued: list[Continuation] = []


class RestrictionList(msgspec.Struct, frozen=True):
    """The restrictions of a card: those in force in the order of their queue, then those that ended."""

    data: list[Restriction]


async def create(call: Call) -> Restriction | Refused:
    """POST /v1/gift_cards/{id}/restrictions"""
    body: NewRestriction = call.body
    _allowed(call, body.kind)
    if (body.amount_minor is None) != (body.currency is UNSET):
        raise invalid("currency", "missing" if body.currency is UNSET else "not_with", other="a whole card")
    wish = cards.Restrict(
        key=call.key, card=call.door.ids.card(call.path("id")), kind=body.kind, authority=body.authority,
        document=body.document, amount_minor=body.amount_minor,
        asset=None if body.currency is UNSET else known_currency(body.currency),
        until=None if body.until is None else in_utc("until", body.until), temporary=body.temporary,
        made_by=call.principal.key_id,
    )  # fmt: skip
    return await _done(call, wish, lambda entry: entry.place)


async def lift(call: Call) -> Restriction | Refused:
    """POST /v1/gift_cards/{id}/restrictions/{restriction}/lift"""
    body: NewLift = call.body
    _allowed(call, body.kind)
    place = call.door.ids.place(call.path("restriction"))
    wish = cards.Lift(
        key=call.key, card=call.door.ids.card(call.path("id")), restriction=place, kind=body.kind,
        authority=body.authority, document=body.document, made_by=call.principal.key_id,
    )  # fmt: skip
    return await _done(call, wish, lambda _: place)


async def go_on(call: Call) -> Restriction | Refused:
    """POST /v1/gift_cards/{id}/restrictions/{restriction}/continue"""
    body: NewContinuation = call.body
    _allowed(call, body.kind)
    place = call.door.ids.place(call.path("restriction"))
    wish = cards.Continue(
        key=call.key, card=call.door.ids.card(call.path("id")), restriction=place, kind=body.kind,
        authority=body.authority, document=body.document,
        until=None if body.until is None else in_utc("until", body.until), made_by=call.principal.key_id,
    )  # fmt: skip
    return await _done(call, wish, lambda _: place)


async def report_loss(call: Call) -> Restriction | Refused:
    """POST /v1/gift_cards/{id}/loss_report: it stops the card at once; found again, the restriction is lifted."""
    wish = cards.ReportLoss(
        key=call.key, card=call.door.ids.card(call.path("id")), document=call.body.document or "",
        made_by=call.principal.key_id,
    )  # fmt: skip
    return await _done(call, wish, lambda entry: entry.place)


async def page(call: Call) -> RestrictionList:
    """GET /v1/gift_cards/{id}/restrictions"""
    card_id = call.door.ids.card(call.path("id"))
    found = await call.transact(lambda tx: cards.restrictions_of_card(tx, call.book, card_id))
    if found is None:
        raise Problem(ApiProblem.NOT_FOUND)
    return RestrictionList([_shown(call, one) for one in found])


def _allowed(call: Call, kind: RestrictionKind) -> None:
    """Raise Problem where the key may restrict cards, but not under this power."""
    if kind not in _OWN:
        require(call.principal, Scope.CARDS_RESTRICT)


async def _done(call: Call, wish: Command, place_of: Callable[[Activity], Place]) -> Restriction | Refused:
    """Run a command, and show the restriction that it made or ended, as it is now."""

    async def work(tx: Tx) -> Queued | Refused:
        (outcome,) = await cards.run(tx, call.book, [wish])
        if isinstance(outcome, Refused):
            return outcome
        found = await cards.restrictions_of_card(tx, call.book, outcome.card_id) or []
        return next(one for one in found if one.restriction.place == place_of(outcome))

    done = await call.transact(work)
    return done if isinstance(done, Refused) else _shown(call, done)


def _shown(call: Call, queued: Queued) -> Restriction:
    one, keyring = queued.restriction, call.door.instance.keyring
    return Restriction(
        keyring.opaque_id(ACTIVITY, *one.place), keyring.opaque_id("gftc", one.card_id), one.kind, one.authority,
        one.document, one.amount_minor, one.until, one.temporary, one.made_by, queued.made_at, queued.position,
        queued.effective_minor, queued.ended, queued.ended_at, queued.lifted_kind, queued.lifted_authority,
        queued.lifted_document, queued.lifted_by,
        [Continuation(keyring.opaque_id(ACTIVITY, *k.place), k.until, k.until_before, k.document, k.document_before,
                      k.made_by, k.made_at) for k in queued.continued],
    )  # fmt: skip
