"""A front desk: a book in which holders are taken on, and short ways to act on them. Everybody is made up."""

from itertools import count

import pytest

from koudai import holders, ledger
from koudai.base import Refused
from koudai.holders import Details, Kind
from koudai.identity import Suite, Vault

_keys = count(1)

REGIONS = ("110101", "310104", "440305", "510107")
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CREDIT = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def citizen(born="19900307", sequence="123", region="110101"):
    """An identity number of nobody with a check digit that is right."""
    digits = f"{region}{born}{sequence}"
    return digits + "10X98765432"[sum(int(d) * w for d, w in zip(digits, WEIGHTS, strict=True)) % 11]


def credit(body="91350211M000100Y4"):
    """A unified social credit code with a check character that is right."""
    weights = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
    return body + CREDIT[-sum(CREDIT.index(c) * w for c, w in zip(body, weights, strict=True)) % 31]


class FrontDesk:
    """One book. Keys are made up where none is given."""

    def __init__(self, db, keyring, book=1, suite=Suite.AES):
        self.db = db
        self.book = book
        self.vault = Vault(keyring, suite)

    def key(self):
        return f"desk-{next(_keys)}"

    async def within(self, work):
        return await self.db.transact(work)

    async def run(self, *commands):
        return await self.within(lambda tx: holders.run(tx, self.book, commands, self.vault))

    async def do(self, command):
        (outcome,) = await self.run(command)
        assert not isinstance(outcome, Refused), outcome
        return outcome

    async def no(self, command):
        (outcome,) = await self.run(command)
        assert isinstance(outcome, Refused), outcome
        return outcome

    def person(self, key=None, **fields):
        return holders.Create(key or self.key(), Kind.PERSON, Details(**fields))

    def whole_person(self, sequence="123", key=None, **fields):
        known = {"name": "王小明", "document_type": "resident_id", "document_number": citizen(sequence=sequence),
                 "phone": "13800005678", **fields}  # fmt: skip
        return self.person(key, **{name: value for name, value in known.items() if value is not None})

    def company(self, agent=None, owner=None, key=None, **fields):
        known = {"name": "晨光文具店", "credit_code": credit(), **fields}
        return holders.Create(key or self.key(), Kind.COMPANY, Details(**known), agent, owner)

    def update(self, holder, key=None, version=None, agent=None, owner=None, **fields):
        return holders.Update(key or self.key(), holder.ref, Details(**fields), agent, owner, version)

    def erase(self, holder, ended_at=None, *, licensed=False, key=None):
        return holders.Erase(key or self.key(), holder.ref, holders.duties(licensed=licensed), ended_at)

    async def see(self, holder):
        return (await self.within(lambda tx: holders.find(tx, self.book, [holder.ref])))[holder.ref]

    async def masked(self, holder):
        (shown,) = await self.within(lambda tx: holders.masked_views(tx, self.book, [holder], self.vault))
        return {str(field): value for field, value in shown.fields.items()}

    async def ascertain(self, holder, verifier=None, key=None):
        ask = holders.Ask(key or self.key(), holder.ref, "simulated")
        verifier = verifier or holders.SimulatedVerifier()
        (outcome,) = await holders.ascertain(self.within, self.book, [ask], self.vault, verifier)
        return outcome

    async def verify(self):
        report = await ledger.verify(self.db, holders.holder_checks(self.vault))
        assert report.findings == []
        return report


@pytest.fixture(params=[16, 18])
def major(request):
    return request.param


@pytest.fixture
def desk(db, keyring):
    return FrontDesk(db, keyring)
