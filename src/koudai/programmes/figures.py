"""What a programme declares, figure by figure, and which way each of them is to the holder's good. Pure.

A figure is named by its path in the document (`kinds.bearer.max_balance_minor`); a limit by what it counts
(`limits[load.card.day].max_minor`), since its place in the list says nothing.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec

from koudai.programmes.model import Programme
from koudai.programmes.words import Identity, Receiver, Renewal, Start

Path = tuple[str, ...]
Plain = dict[str, Any]


class Better(StrEnum):
    """Which change of a figure is to the holder's good.

    `FREE`: none, and it goes with the newest version (a title). `KEPT`: none, but any change may be to
    somebody's disadvantage, so a card keeps what it was issued with (the order in which value is drawn).
    """

    MORE = "more"
    LESS = "less"
    LISTED = "listed"
    UNLISTED = "unlisted"
    FREE = "free"
    KEPT = "kept"


class Rule(NamedTuple):
    """How a figure is compared. `absent` says whether it is better (True) or worse that it isn't there.

    `ranks` are the words of a figure from worst to best. `whole`: what belongs together is taken together,
    since the best of two offers, mixed, would be an offer that nobody made.
    """

    better: Better
    absent: bool | None = None
    ranks: tuple[str, ...] = ()
    whole: bool = False

    def effect(self, had: Any, new: Any) -> int:
        """1: the new value is to the holder's good, -1: to their disadvantage, 0: neither."""
        if had == new:
            return 0
        if had is None or new is None:
            if self.absent is None:
                return 0
            return 1 if self.absent is (new is None) else -1
        if self.better is Better.MORE:
            return 1 if self._rank(new) > self._rank(had) else -1
        if self.better is Better.LESS:
            return 1 if self._rank(new) < self._rank(had) else -1
        return 0

    def _rank(self, value: Any) -> Any:
        return self.ranks.index(value) if self.ranks else value


def _ranked(*ranks: str) -> Rule:
    return Rule(Better.MORE, ranks=ranks)


_FREE, _KEPT = Rule(Better.FREE), Rule(Better.KEPT)
_MORE, _LESS = Rule(Better.MORE), Rule(Better.LESS)
_CAP, _FLOOR = Rule(Better.MORE, absent=True), Rule(Better.LESS, absent=True)
_OFFER, _BURDEN = Rule(Better.FREE, absent=False), Rule(Better.FREE, absent=True)
_LISTED, _WHITELIST, _UNLISTED = Rule(Better.LISTED), Rule(Better.LISTED, absent=True), Rule(Better.UNLISTED)

RULES: dict[str, Rule] = {
    "name": _FREE,
    "titles.*": _FREE,
    "effective_on": _FREE,
    "currency": _KEPT,
    # No version of a programme changes these; what a pilot opens is the law's to say, and no promise of the issuer's.
    "class": _KEPT,
    "policy.pack": _KEPT,
    "policy.pilots": _FREE,
    "sandbox_only": _FREE,
    "kinds.*": _OFFER,
    "kinds.*.max_balance_minor": _CAP,
    "kinds.*.max_load_minor": _CAP,
    "kinds.*.validity.days": _CAP,
    "kinds.*.validity.since": _ranked(Start.ISSUE, Start.ACTIVATION),
    "kinds.*.validity.renewal": _ranked(Renewal.NONE, Renewal.ON_REQUEST, Renewal.AUTOMATIC),
    "kinds.*.validity.renewal_days": _CAP,
    "kinds.*.validity.grace_days": _MORE,
    "kinds.*.validity.reactivation_days": _CAP,
    "kinds.*.sellable": _MORE,
    "carriers": _LISTED,
    # Nobody has a card before it is sold, and the sale says once and for all from when on it can be used.
    "till.*": _FREE,
    "number_prefix": _FREE,
    # A card that was issued without a PIN can't be asked for one, and one with a PIN goes on having it.
    "pin": _KEPT,
    "pay_code": _OFFER,
    "pay_code.ttl_s": _FREE,
    "funding": _LISTED,
    "limits.*": _BURDEN,
    "limits.*.flow": _FREE,
    "limits.*.subjects": _FREE,
    "limits.*.per": _FREE,
    "limits.*.window_s": _FREE,
    "limits.*.min_minor": _FLOOR,
    "limits.*.max_minor": _CAP,
    "limits.*.max_count": _CAP,
    "fees.replacement_minor": _LESS,
    "withdrawal": _OFFER,
    "withdrawal.fee_bps": _LESS,
    "idle_fund": _OFFER,
    "idle_fund.partner": _FREE,
    "scenarios.*": _OFFER,
    "accepts.merchants": _WHITELIST,
    "accepts.goods": _BURDEN,
    "accepts.goods.*": _LISTED,
    "accepts.excluded.*": _UNLISTED,
    "split": _OFFER,
    "split.max_pieces": _MORE,
    "split.max_generations": _MORE,
    "split.min_minor": _LESS,
    "gift": _OFFER,
    "gift.to": _ranked(Receiver.NAMED, Receiver.ANYBODY),
    "gift.claim_days": _MORE,
    "gift.identity": _ranked(Identity.VERIFIED, Identity.REGISTERED, Identity.ANONYMOUS),
    "cashback": Rule(Better.FREE, absent=False, whole=True),
    "cashback.rates_bps.*": Rule(Better.MORE, absent=False),
    "cashback.merchants": _WHITELIST,
    "cashback.day_max_minor": _CAP,
    "cashback.valid_days": _CAP,
    "draw_order": _KEPT,
    "notices.*": _LISTED,
}
"""Each figure and each part that may be left out, by its path; `*` is any one name."""

_PARTS = {tuple(path.split(".")): rule for path, rule in RULES.items()}


def rule_of(path: Path) -> Rule | None:
    """The rule of a figure, or of a part that may be left out; None for a part that is always there."""
    if path in _PARTS:
        return _PARTS[path]
    for known, rule in _PARTS.items():
        if len(known) == len(path) and all(step in ("*", name) for step, name in zip(known, path, strict=True)):
            return rule
    return None


def plain(programme: Programme) -> Plain:
    """A programme as names and values, with its limits by what they count, and its renewals always in days."""
    told: Plain = msgspec.json.decode(msgspec.json.encode(programme))
    told["limits"] = {limit.name: value for limit, value in zip(programme.limits, told["limits"], strict=True)}
    for validity in _validities(told):
        if validity["days"] is not None:
            prolonged_by = validity["renewal_days"] or validity["days"]
            validity["renewal_days"] = 0 if validity["renewal"] == Renewal.NONE else prolonged_by
    return told


def from_plain(told: Plain) -> Programme:
    """The programme of such names and values."""
    for validity in _validities(told):
        validity["renewal_days"] = validity["renewal_days"] or None
    return msgspec.convert({**told, "limits": list(told["limits"].values())}, Programme)


def _validities(told: Plain) -> list[Plain]:
    return [terms["validity"] for terms in told["kinds"].values() if terms is not None]


def named(path: Path) -> str:
    """A path as people write it; what a limit counts stands in brackets."""
    if path[:1] == ("limits",) and len(path) > 1:
        return ".".join((f"limits[{path[1]}]", *path[2:]))
    return ".".join(path)


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every figure of a programme's names and values; of a part that may be left out also whether it is there."""
    if isinstance(value, dict):
        if rule_of(path) is not None:
            yield path, True
        for name, one in value.items():
            yield from leaves(one, (*path, name))
    elif isinstance(value, list):
        yield path, tuple(value)
    else:
        yield path, value


def declared_figures(programme: Programme) -> list[tuple[str, Any]]:
    """What a programme declares, as pairs of fact name and bound, for others to judge.

    Amounts are minor units, None where there is no bound; lists are tuples. Of a part that may be left
    out (`withdrawal`, `kinds.bearer`) the pair says True where it is there and None where it isn't.
    """
    return [(named(path), value) for path, value in leaves(plain(programme))]
