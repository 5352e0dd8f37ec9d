"""Programmes with a document, for stories about what it says."""

from koudai import cards
from koudai.cards import FundingSource
from koudai.programmes import PutVersion, Version
from tests.programmes.drafts import text_of

FUNDED = [str(one) for one in FundingSource if one not in {FundingSource.CREDIT, FundingSource.INSTALMENT}]
"""All that the negative list lets value come from."""

PLAY = {"policy": {"pack": "sandbox"}, "sandbox_only": True}
"""Under no law but that of a sandbox: what the law does is in test_law."""


async def documented(counter, programme=None, *, day="2020-01-01", **changes):
    """A programme whose document is like BASE of the drafts, but for the changes: its cards are in somebody's name."""
    programme = programme or await counter.programme()
    told = {
        **({} if "policy" in changes else PLAY),
        "number_prefix": programme.number_prefix,
        "funding": FUNDED,
        **changes,
    }
    wish = PutVersion(counter.key(), programme.id, text_of(effective_on=day, **told), "Li Na")
    (made,) = await counter.within(lambda tx: cards.put_versions(tx, counter.book, [wish]))
    assert isinstance(made, Version), made
    return programme
