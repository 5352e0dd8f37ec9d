"""Reminders that holders are due, for who sends them; and the register of cards handed back."""

from collections.abc import Sequence

from koudai import cards
from koudai.api.door import Call
from koudai.api.ids import ACTIVITY, CARD
from koudai.api.life_shapes import CardNotice, CardNoticePage, CardNotices, Payout, PayoutPage
from koudai.api.shapes import Amount
from koudai.base import Refused
from koudai.cards import DueNotice, PaidTo
from koudai.ledger import Place


def _shown(call: Call, found: Sequence[DueNotice]) -> list[CardNotice]:
    ids = call.door.ids.of(CARD, [one.card_id for one in found])
    return [
        CardNotice(id_, one.holder_ref, one.last4, *one.notice, Amount(one.balance_minor, one.asset))
        for one, id_ in zip(found, ids, strict=True)
    ]


async def page(call: Call) -> CardNoticePage:
    """GET /v1/notices: what is due, and not taken; a page may be shorter than asked for, or empty, and not the last."""
    cursor, limit = call.door.ids.cursor(call.query("cursor")), call.limit
    after = cursor.batch_id if cursor else 0
    found, following = await call.transact(lambda tx: cards.due_notices(tx, call.book, after, limit))
    more = None if following is None else call.door.ids.cursor_of(following)
    return CardNoticePage(_shown(call, found), more)


async def take(call: Call) -> CardNotices | Refused:
    """POST /v1/notices/take: what is taken is told once, and again under the same key."""
    taken = await call.transact(lambda tx: cards.take_notices(tx, call.book, call.key, call.body.limit))
    return taken if isinstance(taken, Refused) else CardNotices(_shown(call, taken))


async def payouts(call: Call) -> PayoutPage:
    """GET /v1/payouts: oldest first."""
    cursor, limit = call.door.ids.cursor(call.query("cursor")), call.limit
    found = await call.transact(lambda tx: cards.page_payouts(tx, call.book, cursor or Place(0, 0), limit + 1))
    more = call.door.ids.cursor_of(*found[limit - 1].place) if len(found) > limit else None
    shown = found[:limit]
    of_cards = call.door.ids.of(CARD, [one.card_id for one in shown])
    entries = call.door.instance.keyring.opaque_ids(ACTIVITY, [one.place for one in shown])
    return PayoutPage(
        [
            Payout(
                entry, card_id, Amount(one.amount_minor, one.asset), one.fee_minor, PaidTo(one.paid_to),
                one.account_ref, one.identity_ref, one.buyer_ref, one.reason, one.made_by, one.recorded_at,
            )
            for one, entry, card_id in zip(shown, entries, of_cards, strict=True)
        ],
        more,
    )  # fmt: skip
