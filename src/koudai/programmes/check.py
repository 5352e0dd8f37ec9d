"""Check a programme's document: its form, and what no schema can say. All mistakes at once, each with its place."""

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

from koudai import policy
from koudai.base import asset
from koudai.documents import Document, DocumentFault, Mistake, Path, at_most, read
from koudai.ledger import Flow, Per, Subject
from koudai.programmes.model import Goods, KindTerms, Programme
from koudai.programmes.words import Identity, Kind, Pin, ProgrammeMistake as P, Receiver, Renewal, Scenario, Start

Found = tuple[P | DocumentFault, Path, dict[str, Any]]

_FIRST_DAY = date(2000, 1, 1)


def read_programme(text: str) -> Document[Programme] | list[Mistake]:
    """The programme that a document says, or all that is wrong with it, in the order of lines.

    What makes no sense is looked for once the form is right: before that there is no programme to judge.
    """
    found = read(text, Programme)
    if isinstance(found, list):
        return found
    mistakes = [found.mistake(code, path, **facts) for rule in _RULES for code, path, facts in rule(found.value)]
    return at_most(mistakes) or found


def _day(programme: Programme) -> Iterator[Found]:
    day = programme.effective_on
    if day < _FIRST_DAY:
        yield DocumentFault.TOO_SMALL, ("effective_on",), {"value": day.isoformat(), "bound": _FIRST_DAY.isoformat()}


def _currency(programme: Programme) -> Iterator[Found]:
    pack = policy.shipped(programme.policy.pack)
    if asset(programme.currency) is None:
        yield P.UNKNOWN_CURRENCY, ("currency",), {"currency": programme.currency}
    elif pack is not None and pack.bars("currency", programme.currency):
        yield P.PACK_REFUSES_CURRENCY, ("currency",), {"currency": programme.currency, "pack": pack.name}


def _pack(programme: Programme) -> Iterator[Found]:
    pack = policy.shipped(programme.policy.pack)
    if pack is None:
        facts = {"pack": programme.policy.pack, "known": ", ".join(policy.pack_names())}
        yield P.UNKNOWN_PACK, ("policy", "pack"), facts
    elif programme.class_ not in pack.classes:
        classes = ", ".join(str(one) for one in policy.ProgrammeClass if one in pack.classes)
        facts = {"class_name": str(programme.class_), "pack": pack.name, "classes": classes}
        yield P.PACK_NOT_FOR_CLASS, ("class",), facts


def _sandbox(programme: Programme) -> Iterator[Found]:
    if programme.sandbox_only:
        return
    pack = policy.shipped(programme.policy.pack)
    if pack is not None and pack.bars("play_money", value=False):
        yield P.SANDBOX_MARK_MISSING, ("policy", "pack"), {"field": "policy.pack"}
    # State Council order 768, Art. 24: no yield on balances; no pilot opens it, so it is play money's alone.
    if programme.idle_fund is not None:
        yield P.SANDBOX_MARK_MISSING, ("idle_fund",), {"field": "idle_fund"}


def _kinds(programme: Programme) -> Iterator[Found]:
    told = [(kind, programme.of_kind(kind)) for kind in Kind]
    if not any(terms for _, terms in told):
        yield P.NO_KIND, ("kinds",), {}
    for kind, terms in told:
        if terms is not None:
            yield from _kind(("kinds", str(kind)), terms)


def _kind(path: Path, terms: KindTerms) -> Iterator[Found]:
    balance, load = terms.max_balance_minor, terms.max_load_minor
    if balance is not None and load is not None and load > balance:
        yield P.BOUNDS_REVERSED, (*path, "max_load_minor"), {"least": load, "most": balance}
    validity, path = terms.validity, (*path, "validity")
    if validity.days is None:
        said = {
            "since": validity.since is not Start.ISSUE,
            "renewal": validity.renewal is not Renewal.NONE,
            "renewal_days": validity.renewal_days is not None,
            "grace_days": validity.grace_days > 0,
            "reactivation_days": validity.reactivation_days is not None,
        }
        for field in (field for field, is_said in said.items() if is_said):
            yield P.NEVER_EXPIRES, (*path, field), {"field": field}
    elif validity.renewal is Renewal.NONE and validity.renewal_days is not None:
        yield P.NO_RENEWAL, (*path, "renewal_days"), {}
    within = validity.reactivation_days
    if within and within < validity.grace_days:
        yield P.BOUNDS_REVERSED, (*path, "reactivation_days"), {"least": validity.grace_days, "most": within}


def _limits(programme: Programme) -> Iterator[Found]:
    seen: set[str] = set()
    for number, limit in enumerate(programme.limits):
        path: Path = ("limits", number)
        field = limit.as_limit().fault()
        if field is not None:
            yield P.BAD_LIMIT, (*path, field), {"field": field}
        elif limit.name in seen:
            yield P.LIMIT_TWICE, path, {"limit": limit.name}
        seen.add(limit.name)
        if limit.min_minor is not None and limit.max_minor is not None and limit.min_minor > limit.max_minor:
            yield P.BOUNDS_REVERSED, (*path, "min_minor"), {"least": limit.min_minor, "most": limit.max_minor}


def _carriers(programme: Programme) -> Iterator[Found]:
    if programme.pin is not Pin.NONE and not programme.carriers:
        yield P.PIN_WITHOUT_CARRIER, ("pin",), {}


def _accepted(programme: Programme) -> Iterator[Found]:
    if not any(programme.commission_of(scenario) for scenario in Scenario):
        yield P.NO_SCENARIO, ("scenarios",), {}
    goods, excluded = programme.accepts.goods, programme.accepts.excluded
    if goods == Goods():
        yield P.NOTHING_ACCEPTED, ("accepts", "goods"), {}
    for name in ("classes", "skus") if goods is not None else ():
        barred: tuple[str, ...] = getattr(excluded, name)
        for number, one in enumerate(barred):
            if one in getattr(goods, name):
                yield P.LISTED_AND_EXCLUDED, ("accepts", "excluded", name, number), {"value": one}


def _voucher(programme: Programme) -> Iterator[Found]:
    """What lies outside the card rules: one pick-up of goods that are fixed. Whatever pays more is a card."""
    if programme.class_ is not policy.ProgrammeClass.FIXED_GOODS_VOUCHER:
        return
    goods = programme.accepts.goods or Goods()
    if goods.classes or not goods.skus:
        yield P.VOUCHER_NOT_FIXED, ("accepts", "goods"), {}
    if not any(
        limit.flow is Flow.REDEEM and limit.subjects == (Subject.CARD,) and limit.per is Per.LIFETIME
        and limit.max_count == 1
        for limit in programme.limits
    ):  # fmt: skip
        yield P.VOUCHER_NOT_ONCE, ("limits",), {}


def _passing_on(programme: Programme) -> Iterator[Found]:
    split, gift = programme.split, programme.gift
    caps = [terms.max_balance_minor for kind in Kind if (terms := programme.of_kind(kind)) is not None]
    bounded = [cap for cap in caps if cap is not None]
    if split is not None and bounded and len(bounded) == len(caps) and split.min_minor > max(bounded):
        yield P.BOUNDS_REVERSED, ("split", "min_minor"), {"least": split.min_minor, "most": max(bounded)}
    if gift is not None and gift.to is Receiver.NAMED and gift.identity is Identity.ANONYMOUS:
        yield P.NAMED_NEEDS_IDENTITY, ("gift", "identity"), {}


def _cashback(programme: Programme) -> Iterator[Found]:
    cashback = programme.cashback
    if cashback is None:
        return
    rated = [scenario for scenario in Scenario if getattr(cashback.rates_bps, scenario) is not None]
    if not rated:
        yield P.NO_CASHBACK_RATE, ("cashback", "rates_bps"), {}
    for scenario in rated:
        if programme.commission_of(scenario) is None:
            yield P.CASHBACK_OUTSIDE, ("cashback", "rates_bps", str(scenario)), {"value": str(scenario)}
    accepted = programme.accepts.merchants
    for number, merchant in enumerate(cashback.merchants or ()):
        if accepted is not None and merchant not in accepted:
            yield P.CASHBACK_OUTSIDE, ("cashback", "merchants", number), {"value": merchant}


def _notices(programme: Programme) -> Iterator[Found]:
    lasting = [terms.validity.days for kind in Kind if (terms := programme.of_kind(kind)) is not None]
    longest = max((days for days in lasting if days is not None), default=0)
    for number, days in enumerate(programme.notices.before_expiry_days):
        if days >= longest:
            yield P.NOTICE_TOO_EARLY, ("notices", "before_expiry_days", number), {"days": days, "longest": longest}


def _repeated(programme: Programme) -> Iterator[Found]:
    accepts, cashback = programme.accepts, programme.cashback
    goods = accepts.goods or Goods()
    lists: dict[Path, tuple[Any, ...] | None] = {
        ("policy", "pilots"): programme.policy.pilots,
        ("carriers",): programme.carriers,
        ("funding",): programme.funding,
        ("accepts", "merchants"): accepts.merchants,
        ("accepts", "goods", "classes"): goods.classes,
        ("accepts", "goods", "skus"): goods.skus,
        ("accepts", "excluded", "classes"): accepts.excluded.classes,
        ("accepts", "excluded", "skus"): accepts.excluded.skus,
        ("cashback", "merchants"): cashback.merchants if cashback else (),
        ("notices", "before_expiry_days"): programme.notices.before_expiry_days,
        ("notices", "silence_days"): programme.notices.silence_days,
    }
    for path, values in lists.items():
        seen: set[Any] = set()
        for number, value in enumerate(values or ()):
            if value in seen:
                yield P.TWICE, (*path, number), {"value": str(value)}
            seen.add(value)


_RULES: tuple[Callable[[Programme], Iterator[Found]], ...] = (
    _day, _currency, _pack, _sandbox, _kinds, _limits, _carriers, _accepted, _voucher, _passing_on, _cashback, _notices,
    _repeated,
)  # fmt: skip
