"""By which of an issuer's figures the law measures what it owes on its cards (MOFCOM Order 2012-9, Art. 25). Pure."""

from collections.abc import Collection, Iterator, Mapping
from datetime import date
from typing import Any

from koudai import policy
from koudai.policy import Judge, Point
from koudai.programmes.model import Programme
from koudai.programmes.standing import Issuer, IssuerClass, Sector

MEASURES: Mapping[str, str] = {
    share: fact.share[1] for share, fact in policy.FACTS.items() if fact.share is not None
}  # fmt: skip
"""Each fact that is a share of a figure of the issuer's, and the figure."""


def of_issuer(issuer: Issuer | None, today: date) -> Mapping[str, Any]:
    """What an issuer is, as facts; of one that stated nothing the mildest."""
    return {
        "issuer_class": str(issuer.issuer_class if issuer else IssuerClass.OTHER),
        "issuer_sector": str(issuer.sector if issuer else Sector.RETAIL),
        "issuer_young": issuer is not None and _after_a_year(issuer.founded_on) > today,
    }


def stated_figures(issuer: Issuer | None) -> frozenset[str]:
    """The figures that an issuer stated of itself."""
    return frozenset(name for name in MEASURES.values() if getattr(issuer, name, None) is not None)


def unmeasured(wants: Collection[str]) -> Iterator[str]:
    """The figures of the issuer without which what is wanted can't be told."""
    return (figure for share, figure in MEASURES.items() if share in wants)


def figure_missing(programme: Programme, issuer: Issuer, today: date) -> str | None:
    """The figure by which a programme's law measures an issuer of that class, and that the issuer didn't state."""
    pack = policy.shipped(programme.policy.pack)
    assert pack is not None, "a programme's pack was looked for when its document was read"
    wants = Judge(pack).asks(Point.LOAD, **of_issuer(issuer, today))
    return next((figure for figure in unmeasured(wants) if figure not in stated_figures(issuer)), None)


def _after_a_year(day: date) -> date:
    """The same day of the next year; of 29 February the first of March."""
    try:
        return day.replace(year=day.year + 1)
    except ValueError:
        return date(day.year + 1, 3, 1)
