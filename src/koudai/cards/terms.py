"""Terms: what a programme says of its cards, as the rules ask for it. They never change once made."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain

from koudai.cards.store import SQL, programmes_of_book
from koudai.ledger import DrawOrder, Flow, FundingSource, Limit, Limits, Per, Subject, limits_of_book
from koudai.pg import Conflict, Tx
from koudai.programmes import Effective, Kind, KindTerms, count_charter_statement

Subjects = tuple[Subject, ...]


@dataclass
class Terms:
    """The terms of cards of one programme; amounts in minor units, None: no cap.

    `limits` are by flow. `card_bounds` and `holder_bounds` are the limits on balances. `funding` and
    `accounts` are hot accounts, by source and by purpose. `accepted` is what value may come from; None: anything.
    """

    programme_id: int
    asset: str
    number_prefix: str
    draw_order: DrawOrder
    max_balance_minor: int | None
    max_load_minor: int | None
    limits: dict[Flow, Limits] = field(default_factory=dict)
    card_bounds: list[Limit] = field(default_factory=list)
    holder_bounds: list[Limit] = field(default_factory=list)
    funding: dict[str, int] = field(default_factory=dict)
    accounts: dict[str, int] = field(default_factory=dict)
    accepted: frozenset[FundingSource] | None = None
    declared: Sequence[Limit] = ()

    def limit(self, limits: Sequence[Limit]) -> None:
        """Take its limits."""
        self.declared = limits
        bounds = [limit for limit in limits if limit.per is Per.BALANCE]
        self.card_bounds = [limit for limit in bounds if limit.subjects == (Subject.CARD,)]
        self.holder_bounds = [limit for limit in bounds if limit.subjects != (Subject.CARD,)]
        for flow in Flow:
            self.limits[flow] = Limits(x for x in limits if x.flow is flow and x.per is not Per.BALANCE)

    def as_promised(self, promised: Effective, kind: Kind) -> "Terms":
        """The terms of a kind of card as a document promised them to it; they take the place of the programme's own.

        All limits that were ever declared for the programme count it; those that weren't promised bound nothing.
        """
        caps = promised.programme.of_kind(kind) or KindTerms()
        limits = {limit.counter: limit for limit in (*promised.bounds, *chain(*promised.limits.values()))}
        terms = replace(
            self, limits={}, draw_order=promised.programme.draw_order, max_balance_minor=caps.max_balance_minor,
            max_load_minor=caps.max_load_minor, accepted=frozenset(promised.programme.funding),
        )  # fmt: skip
        bounded = [one.bounded_as(limits.get(one.counter)) for one in self.declared]
        terms.limit([one for one in bounded if one.per is not Per.TRANSACTION or one.counter in limits])
        return terms

    def with_accounts(self, made: dict[str, int]) -> "Terms":
        """The same terms with further accounts."""
        return replace(self, accounts={**self.accounts, **made})


@dataclass
class BookTerms:
    """The terms of all programmes of a book, and whose meters they take together.

    `counted` says by which state of the book's charter they were read.
    """

    programmes: dict[int, Terms] = field(default_factory=dict)
    kinds: set[Subjects] = field(default_factory=set)
    counted: int = 0
    _promised: dict[tuple[int, datetime, datetime, Kind], Terms] = field(default_factory=dict)

    def of(self, programme_id: int, promised: Effective | None, kind: Kind) -> Terms:
        """The terms of a kind of card of a programme, by what it was promised."""
        terms = self.programmes[programme_id]
        if promised is None:
            return terms
        key = (programme_id, promised.issued_under, promised.newest, kind)
        known = self._promised.get(key)
        if known is None:
            known = self._promised[key] = terms.as_promised(promised, kind)
        return known

    @property
    def bound_holders(self) -> bool:
        """Whether a limit bounds what holders have together."""
        return any(terms.holder_bounds for terms in self.programmes.values())

    @property
    def count_holders(self) -> bool:
        """Whether a limit counts holders by themselves."""
        return (Subject.HOLDER,) in self.kinds


async def terms_of_book(
    tx: Tx, book: int, programmes: Iterable[int] = (), counted: int | None = None
) -> BookTerms:  # fmt: skip
    """The terms of a book, read once and kept with the pool.

    They are read anew when they lack a programme, or are of another state of the book's charter than `counted`.

    Raises `pg.Conflict` when what is read anew takes meters that this transaction didn't lock: it
    begins again, and then knows.
    """
    known: BookTerms | None = tx.lasting.get(("cards.terms", book))
    if known is not None and counted in {None, known.counted} and all(one in known.programmes for one in programmes):
        return known
    read = await _read(tx, book)
    tx.lasting["cards.terms", book] = read
    if known is not None and read.kinds - known.kinds:
        raise Conflict("a programme was made meanwhile whose limits count others")
    return read


async def _read(tx: Tx, book: int) -> BookTerms:
    # It is counted first: what is put meanwhile makes these terms old, and not the count too new for them.
    counted, rows, funding, accounts = await tx.together(
        count_charter_statement(book), (SQL["programmes_of_book"], book), (SQL["funding_of_book"], book),
        (SQL["accounts_of_book"], book),
    )  # fmt: skip
    limits = await limits_of_book(tx, book)
    read = BookTerms(counted=counted[0][0])
    for programme in programmes_of_book(rows):
        read.programmes[programme.id] = Terms(
            programme.id, programme.asset, programme.number_prefix, programme.draw_order,
            programme.max_balance_minor, programme.max_load_minor,
        )  # fmt: skip
    for programme_id, source, account in funding:
        read.programmes[programme_id].funding[source] = account
    for programme_id, purpose, account in accounts:
        read.programmes[programme_id].accounts[purpose] = account
    by_programme: dict[int, list[Limit]] = defaultdict(list, limits)
    for terms in read.programmes.values():
        terms.limit(by_programme[terms.programme_id])
        kinds = {limit.subjects for limit in by_programme[terms.programme_id] if limit.per is not Per.TRANSACTION}
        read.kinds |= kinds - {(Subject.CARD,)}
    return read
