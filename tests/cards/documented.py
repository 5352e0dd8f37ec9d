"""Programmes with a document, for stories about what it says."""

from koudai import programmes
from koudai.programmes import PutVersion, Version
from tests.programmes.drafts import text_of


async def documented(counter, programme=None, **changes):
    """A programme whose document is like BASE of the drafts, but for the changes: its cards are in somebody's name."""
    programme = programme or await counter.programme()
    wish = PutVersion(counter.key(), programme.id, text_of(effective_on="2020-01-01", **changes), "Li Na")
    (made,) = await counter.within(lambda tx: programmes.put_versions(tx, counter.book, [wish], live=False))
    assert isinstance(made, Version), made
    return programme
