"""The charter of a book: what its programmes promise, and the law that judges each of them. Read once and kept."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from koudai import policy
from koudai.base import CHINA
from koudai.policy import FACTS, Check, GateKind, Judge, Pack, Point
from koudai.programmes.law import whole_months
from koudai.programmes.measure import MEASURES, of_issuer, stated_figures, unmeasured
from koudai.programmes.model import KindTerms, Programme
from koudai.programmes.promise import Effective, Promises
from koudai.programmes.standing import Issuer, OpenedPilot
from koudai.programmes.words import Kind


class Asked(NamedTuple):
    """The check of a point for one kind of card, and which facts have to be told to it.

    `pilots` are those that may open a clause there; `strict` judges as if there were none. `unstated` is the figure
    of the issuer that a clause measures by and nobody stated: nothing is judged without it.
    """

    pack: str
    check: Check
    wants: frozenset[str]
    pilots: Mapping[str, OpenedPilot]
    strict: Check
    unstated: str | None


class Law:
    """The law of a programme on a day: its pack, the pilots of its document, and what is known beforehand."""

    def __init__(
        self, programme: Programme, pilots: Sequence[OpenedPilot], enforced: Collection[str],
        standing: Mapping[str, Any], stated: Collection[str] = (),
    ) -> None:  # fmt: skip
        """`stated` are the figures that the issuer stated of itself."""
        self._stated = stated
        pack = policy.shipped(programme.policy.pack)
        assert pack is not None, "a programme's pack was looked for when its document was read"
        self.programme = programme
        self._pack = pack
        unverified = {one.id for one in pack.clauses if one.id in enforced}
        self._pilots = {one.name: one for one in pilots if one.name in programme.policy.pilots}
        opened = [
            policy.Pilot(
                one.name, programme.name, frozenset(_openable(pack, one.opens)), one.cap_minor,
                one.cap_holders, one.until,
            )
            for one in self._pilots.values()
        ]  # fmt: skip
        self._strict = Judge(pack, enforce=unverified)
        self._judge = self._strict
        if opened:
            self._judge = Judge(pack, programme=programme.name, pilots=opened, enforce=unverified)
        self._standing = {
            **standing,
            "programme_class": str(programme.class_),
            "currency": programme.currency,
            "replacement_fee_minor": programme.fees.replacement_minor,
        }
        self._known: dict[tuple[Any, ...], Asked | None] = {}

    def bars(self, fact: str, value: Any) -> bool:
        """Whether it never lets anything be of which a fact has this value, under whichever pilot."""
        return self._pack.bars(fact, value)

    def asked(self, point: Point, kind: Kind | None = None, **known: Any) -> Asked | None:
        """The check of a point for cards of a kind, specialised to what is known; None where it can only allow."""
        key = (point, kind, *known.items())
        if key not in self._known:
            self._known[key] = self._asked(point, kind, known)
        return self._known[key]

    def _asked(self, point: Point, kind: Kind | None, known: Mapping[str, Any]) -> Asked | None:
        facts = {**self._standing, **known}
        if kind is not None:
            facts = {"card_kind": str(kind), **_validity(self.programme.of_kind(kind)), **facts}
        facts = {name: value for name, value in facts.items() if point in FACTS[name].points}
        wants = self._strict.asks(point, **facts)
        if not wants and self._strict.at(point, **facts)({}, _LONG_AGO) is None:
            return None
        check, strict = self._judge.at(point, **facts), self._strict.at(point, **facts)
        unstated = next((name for name in unmeasured(wants) if name not in self._stated), None)
        return Asked(self.programme.policy.pack, check, wants, self._pilots, strict, unstated)


def _openable(pack: Pack, opens: Sequence[str]) -> Iterator[str]:
    """Those of a pilot's clauses that its programme's pack still has, and still lets be opened."""
    for name in opens:
        clause = pack.clause(name)
        if clause is not None and not clause.statutory:
            yield name


_LONG_AGO = datetime(2000, 1, 1, tzinfo=CHINA)


class Charter:
    """What a book's programmes promise and are under. `live` says whether it is an issuer's live side."""

    def __init__(
        self, promises: Mapping[int, Promises], issuer: Issuer | None, pilots: Sequence[OpenedPilot],
        enforced: Collection[str], gates: Mapping[int, Collection[GateKind]], launched: Collection[int], *, live: bool,
    ) -> None:  # fmt: skip
        self.promises = promises
        self.issuer = issuer
        self.launched = launched
        self.live = live
        self._pilots = pilots
        self._enforced = enforced
        self._gates = gates
        self._laws: dict[tuple[int, datetime, date], Law] = {}

    def pilots_of(self, programmes: Collection[int]) -> list[OpenedPilot]:
        """The pilots of programmes."""
        return [one for one in self._pilots if one.programme_id in programmes]

    def promised(self, programme_id: int, since: datetime, now: datetime) -> Effective | None:
        """What a programme's document, where there is one, promised to cards that have its terms since then."""
        promises = self.promises.get(programme_id)
        return None if promises is None else promises.terms(since, now)

    def law(self, programme_id: int, now: datetime) -> Law | None:
        """The law of a programme: by its newest version in force, the first before that; None without a document."""
        promises = self.promises.get(programme_id)
        if promises is None:
            return None
        version = promises.in_force(now) or promises.versions[0]
        today = now.astimezone(CHINA).date()
        key = (programme_id, version.effective_at, today)
        known = self._laws.get(key)
        if known is None:
            pilots = [one for one in self._pilots if one.programme_id == programme_id]
            standing = self._standing(programme_id, today)
            known = Law(version.programme, pilots, self._enforced, standing, stated_figures(self.issuer))
            self._laws[key] = known
        return known

    def _standing(self, programme_id: int, today: date) -> Mapping[str, Any]:
        """What is known of the issuer before anything is asked.

        Of one that stated nothing the mildest is told: a live side isn't launched then, where its pack asks for it.
        """
        gates, issuer = self._gates.get(programme_id, ()), self.issuer
        told: dict[str, Any] = {
            "play_money": not self.live,
            "simulated": False,
            "licensed": GateKind.LICENCE in gates,
            "filed": GateKind.FILING in gates,
            **of_issuer(issuer, today),
            "days_since_start": max(0, (today - issuer.began_on).days) if issuer else 0,
            "terms_ban_refund": issuer is not None and issuer.no_refund,
            "terms_ban_passing": issuer is not None and issuer.no_passing,
            "terms_ban_reissue": issuer is not None and issuer.no_reissue,
            "sales_stopped": issuer is not None and issuer.sales_stopped,
        }
        if not self.live:
            # With play money nobody has to state a figure: a share of what was never stated is none there.
            told |= {share: 0 for share, figure in MEASURES.items() if figure not in stated_figures(issuer)}
        return told


def _validity(terms: KindTerms | None) -> Mapping[str, Any]:
    """Whether cards of a kind expire, after how many whole months, and whether they can't be made to go on for ever."""
    if terms is None or terms.validity.days is None:
        return {"expires": False, "reactivation_ends": False}
    months, ends = whole_months(terms.validity.days), terms.validity.reactivation_days is not None
    return {"expires": True, "validity_months": months, "reactivation_ends": ends}
