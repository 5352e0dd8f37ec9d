"""The stock: cards with more on them than any contest takes, merchants, and a key for the API.

Everything that a card can have is on: two lots, a holder, limits of three windows on both, a document under a law.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from koudai import cards, identity, merchants
from koudai.base import Fault, Refused, asset
from koudai.bench.model import BenchFault
from koudai.identity import Mode, Scope
from koudai.instance import Instance
from koudai.ledger import Flow, Limit, Per, Subject
from koudai.pg import Tx
from koudai.programmes import PutVersion

CURRENCY = "GBP"

_PREFIX = "990611"
_LOADED_MINOR = 2_000_000
_SOURCES = (cards.FundingSource.TRANSFER, cards.FundingSource.BONUS)
_LIMITS = tuple(
    Limit((subject,), Flow.REDEEM, per, max_minor=_LOADED_MINOR, max_count=_LOADED_MINOR)
    for subject in (Subject.CARD, Subject.HOLDER)
    for per in (Per.DAY, Per.MONTH, Per.LIFETIME)
)

# What the programme's cards were promised; its limits are those that the ledger has.
_DOCUMENT = f"""\
name: bench
titles: {{en: Bench, zh: 测量}}
effective_on: 2020-01-01
currency: {CURRENCY}
class: single_purpose
policy: {{pack: generic}}
kinds: {{registered: {{}}, bearer: {{}}}}
number_prefix: "{_PREFIX}"
funding: [transfer, bonus]
scenarios: {{offline_retail: ecommerce}}
split: {{max_pieces: 1000, max_generations: 100}}
gift: {{claim_days: 7}}
limits:
""" + "".join(
    f"  - {{flow: {x.flow}, subjects: [{x.subjects[0]}], per: {x.per}, max_minor: {_LOADED_MINOR},"
    f" max_count: {_LOADED_MINOR}}}\n"
    for x in _LIMITS
)

LOADS = len(_SOURCES)
"""Transfers that a new card has behind it."""


@dataclass(frozen=True)
class Stock:
    """What the contestants redeem from and pay to, by internal ids, and the token that may do it."""

    book: int
    programme: int
    merchants: Sequence[int]
    token: str
    cards: list[int] = field(default_factory=list)


async def open_stock(instance: Instance, merchant_count: int) -> Stock:
    """Make the issuer, its key, a programme and the merchants; there are no cards yet."""
    issuer = await instance.db.transact(lambda tx: identity.find_issuer(tx, "bench", Mode.TEST, create=True))
    assert issuer is not None
    made = await instance.db.transact(lambda tx: identity.create_key(tx, issuer, "bench", Scope))
    programme_id, shops = await instance.db.transact(lambda tx: _set_up(tx, issuer.id, merchant_count))
    return Stock(issuer.id, programme_id, shops, made.token)


async def _set_up(tx: Tx, book: int, count: int) -> tuple[int, list[int]]:
    kind = asset(CURRENCY)
    assert kind is not None
    wish = cards.CreateProgramme("programme", "Bench", kind, _PREFIX, limits=_LIMITS)
    (programme,) = await cards.create_programmes(tx, book, [wish])
    shops = await merchants.register(
        tx, book, [merchants.Register(f"merchant/{n}", f"Merchant {n}", kind) for n in range(count)]
    )
    assert isinstance(programme, cards.Programme)
    wishes = [PutVersion("document", programme.id, _DOCUMENT, "bench")]
    (version,) = await cards.put_versions(tx, book, wishes)
    if isinstance(version, Refused):
        raise Fault(BenchFault.NOT_ACCEPTED, outcome=repr(version))
    return programme.id, [shop.id for shop in shops if isinstance(shop, merchants.Merchant)]


async def make_cards(instance: Instance, book: int, programme: int, first: int, count: int) -> list[int]:
    """Issue and load the cards number `first` and following; their ids."""
    numbers = range(first, first + count)
    wishes = [cards.Issue(key=f"issue/{n}", programme_id=programme, holder_ref=f"holder {n}") for n in numbers]
    issued = await instance.db.transact(lambda tx: cards.run(tx, book, wishes, instance.keyring))
    ids = [one.card.id for one in issued if isinstance(one, cards.Issued)]
    loads = [
        cards.Load(
            key=f"load/{n}/{source}", card=card, amount_minor=_LOADED_MINOR, asset=CURRENCY, source=source,
        )
        for n, card in zip(numbers, ids, strict=True)
        for source in _SOURCES
    ]  # fmt: skip
    check(await instance.db.transact(lambda tx: cards.run(tx, book, loads)))
    return ids


def check(outcomes: Sequence[cards.Outcome]) -> None:
    """Raise Fault unless every command was accepted."""
    for outcome in outcomes:
        if type(outcome) is not cards.Activity:
            raise Fault(BenchFault.NOT_ACCEPTED, outcome=repr(outcome))
