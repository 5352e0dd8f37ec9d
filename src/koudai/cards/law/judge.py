"""Law: what a command is about to do is put to the judge of its programme before anything is booked (R1, C1). Pure.

Each function tells the facts of one point and is asked last of all: what isn't refused here is booked. A programme
without a document is under no pack. What is only noted, and under which pilot something passed, is kept beside the
entry.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from koudai.base import Refused
from koudai.cards.commands import Adjust, Channel, Issue, Load, Purpose
from koudai.cards.desk import Desk, HeldCard, Judgement
from koudai.cards.law.whom import (
    buys,
    cash_of,
    is_new,
    payer_of,
    payer_ref,
    pays_for_himself,
    root_of,
    tallies_of,
    who_of,
)
from koudai.cards.refusals import CardRefusal
from koudai.holders import Level
from koudai.ledger import FundingSource, Place
from koudai.merchants import Merchant
from koudai.policy import PilotUse, Point, Verdict
from koudai.programmes import Asked, Kind, ProgrammeRefusal, whole_months

_WHOLE_BPS = 10_000

Makers = Mapping[str, Callable[[], Any]]
"""Facts by their names, each made only where it is asked for."""


def on_issue(desk: Desk, command: Issue, place: Place) -> Refused | None:
    """An empty card, for which nobody has paid yet: who does, and with what, is judged when it is loaded."""
    law, ref = desk.law(command.programme_id), command.holder_ref
    if law is None:
        return None
    asked = law.asked(
        Point.ISSUE, Kind.BEARER if ref is None else Kind.REGISTERED, issue_reason="sale", funding="transfer",
        face_to_face=False, payer_is_buyer=True, amount_minor=0, balance_after_minor=0, root_minor=0, purchase_minor=0,
        purchase_day_minor=0,
    )  # fmt: skip
    if asked is None:
        return None
    facts = _told(asked, {**_payer(desk, ref), **_shares(desk, 0)})
    # A bearer card is the root of its own, under the id that it gets next: that is whom its loads are counted as.
    who = ref or f"root:{desk.sheet.fresh_ids[0]}"
    return judge(desk, None, who, Point.ISSUE, asked, facts, place)


def on_load(
    desk: Desk, card: HeldCard, command: Load, place: Place, payment_minor: int | None = None
) -> Refused | None:  # fmt: skip
    """Value that is bought. What is let pass counts for whoever pays, whichever programme's card it is on.

    `payment_minor` is all that was paid at the till where it is sold, also for other cards; None where there is none.
    """
    bad = _load_refused(desk, card, command, place, payment_minor)
    if bad:
        return bad
    desk.owed.minor += command.amount_minor
    # In a book without any document nobody asks for such sums, and none are kept.
    for who in tallies_of(card, command) if desk.tallies else ():
        bearer, cash = card.kind is Kind.BEARER, command.source is FundingSource.CASH
        desk.tallies[who].add(command.amount_minor, bearer=bearer, cash=cash)
    return None


def _load_refused(
    desk: Desk, card: HeldCard, command: Load, place: Place, payment_minor: int | None
) -> Refused | None:  # fmt: skip
    """What the law has against a load. Where it buys the card, `issue` is asked, too."""
    law = desk.law(card.terms.programme_id)
    if law is None:
        return None
    channel = command.channel or Channel.REMOTE
    known: dict[str, Any] = {"funding": str(command.source), "face_to_face": channel is not Channel.REMOTE}
    if command.expires_at is not None and command.source is not FundingSource.BONUS:
        known |= {"expires": True, "validity_months": whole_months((command.expires_at - desk.sheet.now).days)}
    at_home, fresh = channel is Channel.OWN_OUTLET, is_new(desk, card)
    of_point: dict[Point, dict[str, Any]] = {Point.LOAD: {"own_outlet": at_home, "top_up": not fresh}}
    if buys(desk, card):
        of_point[Point.ISSUE] = {"issue_reason": "sale", "payer_is_buyer": pays_for_himself(card, command)}
    passed: list[_Passed] = []
    for point, more in of_point.items():
        asked = law.asked(point, card.kind, **known, **more)
        if asked is not None:
            if payment_minor is None and _needs_payer(asked, card, command):
                return Refused(CardRefusal.PAYER_MISSING, {"field": "payer"})
            facts = _told(asked, _of_load(desk, card, command, payment_minor or 0))
            facts["amount_minor"] = command.amount_minor
            bad = _passes(desk, card, who_of(card), point, asked, facts, passed)
            if bad:
                return bad
    _keep(desk, passed, place)
    return None


def on_adjust(desk: Desk, card: HeldCard, command: Adjust, place: Place) -> Refused | None:
    """Value that a correction creates: a load by the issuer himself, whom nobody pays.

    So it is in nobody's sums of a day, but bound by what a card, its root and the book may hold. What it restores is
    bound as well, as returned goods are: meanwhile the room may have been taken.
    """
    law, minor = desk.law(card.terms.programme_id), command.amount_minor
    if law is None:
        return None
    asked = law.asked(
        Point.LOAD, card.kind, funding=str(command.source), face_to_face=True, own_outlet=True, top_up=True
    )
    if asked is not None:
        unpaid: Makers = dict.fromkeys(_SUMS, lambda: 0)
        makers = {**unpaid, **_held(desk, card, minor), **_payer(desk, card.holder_ref), **_shares(desk, minor)}
        bad = judge(
            desk, card, who_of(card), Point.LOAD, asked, {**_told(asked, makers), "amount_minor": minor}, place
        )  # fmt: skip
        if bad:
            return bad
    desk.owed.minor += minor
    return None


_SUMS = ("purchase_minor", "load_day_minor", "purchase_day_minor", "cash_day_minor")
"""What was paid for, by payer, card and day."""


def _needs_payer(asked: Asked, card: HeldCard, command: Load) -> bool:
    """Whether the law sums what one payer buys, and nothing says who this one is."""
    named = payer_ref(card, command) is not None or command.source is FundingSource.BONUS
    return not named and "purchase_day_minor" in asked.wants


def _of_load(desk: Desk, card: HeldCard, command: Load, payment_minor: int) -> Makers:
    """The facts of a load. A payer's day is one purchase: it can't be taken apart to stay below a threshold.

    Nor can what one payment buys, whoever is said to have made it and however many cards it is for.
    """
    minor = command.amount_minor
    paid = 0 if command.source is FundingSource.BONUS else minor
    tally = desk.tallies.get(payer_of(card, command))
    in_cash, of_root = desk.tallies.get(cash_of(card)), desk.tallies.get(root_of(card))
    loaded, bearer = (tally.load_minor, tally.bearer_minor) if tally else (0, 0)
    bearer = max(bearer, of_root.bearer_minor) if of_root and card.kind is Kind.BEARER else bearer
    return {
        **_held(desk, card, minor),
        **_payer(desk, payer_ref(card, command)),
        **_shares(desk, minor),
        "purchase_minor": lambda: max(loaded + paid, payment_minor),
        "load_day_minor": lambda: loaded + paid,
        "purchase_day_minor": lambda: max(bearer + paid, payment_minor) if card.kind is Kind.BEARER else bearer,
        "cash_day_minor": lambda: (in_cash.cash_minor if in_cash else 0) + paid,
    }


def on_payment(desk: Desk, card: HeldCard, merchant: Merchant, amount_minor: int, place: Place) -> Refused | None:
    """A payment to a merchant, or the promise of one."""
    key = (card.terms.programme_id, card.holder_ref is None, merchant.id)
    try:
        asked = desk.asked_of_payments[key]
    except KeyError:
        law = desk.law(card.terms.programme_id)
        asked = law.asked(Point.REDEEM, card.kind, purpose="purchase", **_facets(merchant)) if law else None
        desk.asked_of_payments[key] = asked
    if asked is None:
        return None
    facts = _told(asked, {"balance_after_minor": lambda: card.pocket.balance_minor - amount_minor})
    return judge(desk, card, who_of(card), Point.REDEEM, asked, {**facts, "amount_minor": amount_minor}, place)


def on_split(desk: Desk, card: HeldCard, pieces: tuple[int, ...], place: Place) -> Refused | None:
    """Parts of a card in new ones of its kind: each is judged by itself, and all value of the root stays under it."""
    law, kind = desk.law(card.terms.programme_id), card.kind
    asked = None if law is None else law.asked(Point.SPLIT, kind, to_card_kind=str(kind), purpose="passing_on")
    if asked is None:
        return None
    passed: list[_Passed] = []
    for minor in pieces:
        facts = _told(asked, {"balance_after_minor": partial(int, minor), "root_minor": lambda: desk.root_minor(card)})
        bad = _passes(desk, card, who_of(card), Point.SPLIT, asked, {**facts, "amount_minor": minor}, passed)
        if bad:
            return bad
    _keep(desk, passed, place)
    return None


def on_gift(desk: Desk, card: HeldCard, receiver: str | None, amount_minor: int, place: Place) -> Refused | None:
    """A card that is issued anew for who claims it: of the same kind, and the value stays under the same root."""
    law, kind = desk.law(card.terms.programme_id), card.kind
    asked = None if law is None else law.asked(Point.GIFT, kind, to_card_kind=str(kind), purpose="passing_on")
    if asked is None:
        return None
    makers: Makers = {
        "receiver_level": lambda: _level(desk, receiver),
        "balance_after_minor": lambda: amount_minor,
        "root_minor": lambda: desk.root_minor(card),
    }
    facts = {**_told(asked, makers), "amount_minor": amount_minor}
    return judge(desk, card, who_of(card), Point.GIFT, asked, facts, place)


def on_transfer(
    desk: Desk, source: HeldCard, target: HeldCard, purpose: Purpose, amount_minor: int, place: Place
) -> Refused | None:  # fmt: skip
    """Value that goes from one card to another one of its programme that is there already.

    The receiving card is judged by its own kind, for what it and its root hold then, as it is by a load. The giving
    one is judged for what it has left, where that is another question: another kind of card, or a sale.
    """
    law, point = desk.law(source.terms.programme_id), _POINTS[purpose]
    if law is None:
        return None
    taken = Point.SPLIT if point is Point.SPLIT else Point.GIFT
    known: dict[str, Any] = {"to_card_kind": str(target.kind), "purpose": "passing_on"}
    # Nobody is paid here, so to no account of his own; what is paid for goes through a desk that says to which.
    sold = {"same_name_account": False} if point is Point.RESALE else {}

    def ask(card: HeldCard, at: Point, more: Mapping[str, Any], minor: int) -> Refused | None:
        asked = law.asked(at, card.kind, **known, **more)
        if asked is None:
            return None
        makers: Makers = {
            "receiver_level": lambda: _level(desk, target.holder_ref),
            "seller_level": lambda: _level(desk, source.holder_ref),
            "balance_after_minor": lambda: card.pocket.balance_minor + minor,
            # Within one root it stays what it was.
            "root_minor": lambda: desk.root_minor(card) + (0 if within else minor),
        }
        facts = {**_told(asked, makers), "amount_minor": amount_minor}
        return judge(desk, card, who_of(card), at, asked, facts, place)

    within = source.lineage.root_id == target.lineage.root_id
    asks = [lambda: ask(target, taken, {}, amount_minor)]
    if point is not taken or source.kind is not target.kind:
        asks.insert(0, lambda: ask(source, point, sold, -amount_minor))
    return all_pass(desk, *asks)


_POINTS = {Purpose.MERGE: Point.SPLIT, Purpose.GIFT: Point.GIFT, Purpose.SALE: Point.RESALE}
"""Where what goes between cards is judged; a merge undoes a split."""


def on_return(desk: Desk, paid: HeldCard, target: HeldCard, amount_minor: int, place: Place) -> Refused | None:
    """Returned goods: what `paid` had paid goes back to `target`: that card, its successor, or one of its kind."""
    law = desk.law(target.terms.programme_id)
    if law is None:
        return None
    original = paid is target
    asked = law.asked(
        Point.REFUND, target.kind, refund_kind="goods", original_usable=original,
        refund_to="original_card" if original else "same_kind_card", refund_fee_minor=0,
    )  # fmt: skip
    if asked is None:
        return None
    facts = {**_told(asked, _held(desk, target, amount_minor)), "amount_minor": amount_minor}
    return judge(desk, target, who_of(target), Point.REFUND, asked, facts, place)


def all_pass(desk: Desk, *asks: Callable[[], Refused | None]) -> Refused | None:
    """Ask about several things that are done together: what is kept of one is kept only where none is refused."""
    kept, pilots = len(desk.judgements), desk.pilots.copy()
    for ask in asks:
        bad = ask()
        if bad:
            del desk.judgements[kept:]
            desk.pilots = pilots
            return bad
    return None


class _Passed(NamedTuple):
    """What the law had to say of something that it lets pass, and under which pilots."""

    card_id: int
    who: str
    point: Point
    asked: Asked
    verdict: Verdict


def judge(
    desk: Desk, card: HeldCard | None, who: str, point: Point, asked: Asked, facts: Mapping[str, Any], place: Place
) -> Refused | None:  # fmt: skip
    """The verdict on facts: a refusal, or None; what is noted, and what it takes of pilots, is kept with the batch."""
    passed: list[_Passed] = []
    bad = _passes(desk, card, who, point, asked, facts, passed)
    if bad is None:
        _keep(desk, passed, place)
    return bad


def _passes(
    desk: Desk, card: HeldCard | None, who: str, point: Point, asked: Asked, facts: Mapping[str, Any],
    passed: list[_Passed],
) -> Refused | None:  # fmt: skip
    if asked.unstated is not None:
        return Refused(ProgrammeRefusal.ISSUER_FIGURE_MISSING, {"field": asked.unstated})
    now = desk.sheet.now
    verdict = asked.check(facts, now)
    if verdict is None:
        return None
    taken = [(one.point, use) for one in passed for use in one.verdict.pilots]
    taken += [(point, use) for use in verdict.pilots]
    if verdict.refused is None and not all(_has_room(desk, asked, use, who, taken) for use in verdict.pilots):
        verdict = asked.strict(facts, now)
        assert verdict is not None, "a pilot opened what is allowed without it"
    if verdict.refused is None:
        passed.append(_Passed(0 if card is None else card.id, who, point, asked, verdict))
    return verdict.refused


def _has_room(desk: Desk, asked: Asked, use: PilotUse, who: str, taken: Sequence[tuple[Point, PilotUse]]) -> bool:
    """Whether a pilot has enough left of its caps for all that this command takes of it."""
    pilot = asked.pilots[use.pilot]
    used_minor, holders = desk.pilots.after(pilot.id, _taken_minor(use.pilot, taken), who)
    return used_minor <= pilot.cap_minor and holders <= pilot.cap_holders


def _taken_minor(pilot: str, taken: Sequence[tuple[Point, PilotUse]]) -> int:
    """What a command takes of a pilot: what is judged at two points happens once."""
    by_point = Counter[Point]()
    for point, use in taken:
        by_point[point] += use.amount_minor if use.pilot == pilot else 0
    return max(by_point.values())


def _keep(desk: Desk, passed: Sequence[_Passed], place: Place) -> None:
    said: dict[tuple[int, Point], Judgement] = {}
    taken = [(one.point, use) for one in passed for use in one.verdict.pilots]
    whose = {use.pilot: (one.asked.pilots[use.pilot].id, one.who) for one in passed for use in one.verdict.pilots}
    for pilot, (pilot_id, who) in whose.items():
        desk.pilots.use(pilot_id, _taken_minor(pilot, taken), who)
    for card_id, _, point, asked, verdict in passed:
        noted = " ".join(note.clause for note in verdict.notes)
        pilots = " ".join(f"{use.pilot}({','.join(use.clauses)})" for use in verdict.pilots)
        said[card_id, point] = Judgement(place.ordinal, card_id, point, asked.pack, noted, pilots)
    desk.judgements += said.values()


def _facets(merchant: Merchant) -> Mapping[str, Any]:
    """What the law asks of a merchant."""
    return {
        "merchant_of": str(merchant.relation), "merchant_contracted": merchant.contracted, "online": merchant.online,
        "own_web_shop": merchant.own_web_shop,
    }  # fmt: skip


def _told(asked: Asked, makers: Makers) -> dict[str, Any]:
    return {name: make() for name, make in makers.items() if name in asked.wants}


def _held(desk: Desk, card: HeldCard, minor: int) -> Makers:
    """What a card, and all of its root, hold once it got an amount."""
    return {
        "balance_after_minor": lambda: card.pocket.balance_minor + minor,
        "root_minor": lambda: desk.root_minor(card) + minor,
    }


def _payer(desk: Desk, ref: str | None) -> Makers:
    """Who pays: who isn't known as a holder is a person, and anonymous."""
    return {"payer_level": lambda: _level(desk, ref), "payer_kind": lambda: _payer_kind(desk, ref)}


def is_known(desk: Desk, ref: str | None) -> bool:
    """Whether somebody is a holder here who stated who he is."""
    return _level(desk, ref) != Level.ANONYMOUS


def _level(desk: Desk, ref: str | None) -> str:
    standing = None if ref is None else desk.standings.get(ref)
    return str(Level.ANONYMOUS if standing is None else standing.level)


def _payer_kind(desk: Desk, ref: str | None) -> str:
    standing = None if ref is None else desk.standings.get(ref)
    return "person" if standing is None else str(standing.kind)


def _shares(desk: Desk, minor: int) -> Makers:
    """The prepaid balance afterwards, as shares of what the issuer stated of itself, rounded up."""
    issuer = desk.charter.issuer
    if issuer is None:
        return {}
    after = desk.owed.minor + minor
    revenue, capital = issuer.revenue_minor, issuer.capital_minor
    makers: dict[str, Callable[[], int]] = {"prepaid_minor": lambda: after}
    if revenue is not None:
        makers["revenue_minor"] = lambda: revenue
        makers["prepaid_share_bps"] = lambda: -(-after * _WHOLE_BPS // revenue)
    if capital is not None:
        makers["capital_minor"] = lambda: capital
        makers["prepaid_of_capital_bps"] = lambda: -(-after * _WHOLE_BPS // capital)
    return makers
