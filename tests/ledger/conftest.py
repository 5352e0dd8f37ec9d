"""Books to post in: accounts, money to put on them, and short ways to say so."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count

import pytest

from koudai import ledger
from koudai.base import Asset
from koudai.pg import Database

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
ASSETS = {"CNY": 2, "GBP": 2, "JPY": 0, "KWD": 3}

_keys = count(1)


@dataclass
class Book:
    """One book of a ledger. Accounts are named; a name beginning with `hot` is a hot account's."""

    db: Database
    number: int = 1
    ids: dict[str, int] = field(default_factory=dict)

    async def open(self, *names: str, asset: str = "CNY", **held: int) -> None:
        """Open accounts by name; those given with an amount get it from a hot one of their asset."""
        wanted = [*names, *held, *([f"hot {asset}"] if held else [])]

        async def work(tx):
            for constrained in (True, False):
                new = [n for n in wanted if n not in self.ids and n.startswith("hot") is not constrained]
                kind = Asset(asset, ASSETS[asset])
                ids = await ledger.open_accounts(tx, self.number, kind, "test", constrained=constrained, count=len(new))
                self.ids.update(zip(new, ids, strict=True))

        await self.db.transact(work)
        funding = [self.posting(f"hot {asset}", name, minor, asset=asset) for name, minor in held.items() if minor]
        assert all(isinstance(o, ledger.Place) for o in await self.post(*funding))

    def posting(self, debit, credit, amount_minor, key=None, *, asset="CNY", kind="test", event_at=NOON, linked=False):
        """A posting between accounts by name, or by number where there is none of that name."""
        debit, credit = (self.ids[a] if isinstance(a, str) else a for a in (debit, credit))
        return ledger.Posting(key or f"auto-{next(_keys)}", debit, credit, amount_minor, asset, kind, event_at, linked)

    async def post(self, *postings):
        return await self.db.transact(lambda tx: ledger.post(tx, self.number, postings))

    async def balances(self):
        found = await self.db.transact(lambda tx: ledger.balances(tx, list(self.ids.values())))
        return {name: found[account] for name, account in self.ids.items()}

    async def recall(self, key):
        return await self.db.transact(lambda tx: ledger.outcome_of_key(tx, self.number, key))

    async def fold(self, limit=50_000):
        return await self.db.transact(lambda tx: ledger.fold_deltas(tx, limit))

    async def verify(self):
        report = await ledger.verify(self.db)
        assert report.findings == []
        assert report.holds
        return report


@pytest.fixture(params=[16, 18])
def major(request):
    return request.param


@pytest.fixture
def book(db):
    return Book(db)


@pytest.fixture
def other_book(db):
    return Book(db, 2)
