"""Gift card activities: what happens to a card, asked for one at a time; and its history."""

import msgspec

from koudai import cards
from koudai.api.batcher import Answer
from koudai.api.commands import SCOPES, by_code, command_of, named_by
from koudai.api.door import Call, Door
from koudai.api.exchange import Headers, Receive, Scope, idempotency_key, read_json
from koudai.api.fields import decoded
from koudai.api.gate import require
from koudai.api.problems import ApiProblem, Problem, invalid, problem_of
from koudai.api.shapes import GiftCardActivity, GiftCardActivityPage, NewActivity
from koudai.identity import Principal
from koudai.pg import Tx

_decode = msgspec.json.Decoder(NewActivity).decode
_encode = msgspec.json.Encoder().encode


def understood(door: Door, principal: Principal, key: str, body: bytes) -> tuple[cards.Command, str]:
    """The command that a body means, and the field by which it names its card. Raises Problem where it means none."""
    wish = decoded(_decode, body)
    require(principal, SCOPES[type(wish)])
    if by_code(wish):
        door.gate.codes.check(principal.key_id)
    return command_of(door.ids, wish, key, principal.key_id), named_by(wish)


def told(answer: Answer, named: str) -> tuple[int, bytes]:
    """Status and body for the batcher's answer. Raises Problem where it is a no."""
    if isinstance(answer, GiftCardActivity):
        return 201, _encode(answer)
    raise problem_of(answer, named)


async def create(door: Door, scope: Scope, receive: Receive, headers: Headers) -> tuple[int, bytes]:
    """POST /v1/gift_card_activities, where `wire` doesn't take it: read, handed to the batcher, answered."""
    principal = await door.gate.identify(headers.get(b"authorization"))
    key = idempotency_key(headers)
    command, named = understood(door, principal, key, await read_json(receive, headers))
    (answer,) = await door.batcher.submit(principal, (command,))
    return told(answer, named)


async def page(call: Call) -> GiftCardActivityPage:
    """GET /v1/gift_card_activities: a card's history, newest first."""
    named = call.query("gift_card_id")
    if named is None:
        raise invalid("gift_card_id", "missing")
    card_id, cursor, limit = call.door.ids.card(named), call.door.ids.cursor(call.query("cursor")), call.limit

    async def work(tx: Tx) -> GiftCardActivityPage:
        card = (await cards.cards_by_id(tx, call.book, [card_id])).get(card_id)
        if card is None:
            raise Problem(ApiProblem.NOT_FOUND)
        found, following = await cards.activities_of_card(tx, call.book, card_id, cursor or card.newest, limit)
        more = call.door.ids.cursor_of(*following) if following else None
        return GiftCardActivityPage(call.door.ids.activities(found), more)

    return await call.transact(work)


async def show(call: Call) -> GiftCardActivity:
    """GET /v1/gift_card_activities/{id}"""
    place = call.door.ids.place(call.path("id"))
    found = await call.transact(lambda tx: cards.activity(tx, call.book, place))
    if found is None:
        raise Problem(ApiProblem.NOT_FOUND)
    return call.door.ids.activities([found])[0]
