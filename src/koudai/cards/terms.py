"""Terms: what a programme says of its cards, as the rules ask for it. They never change once made."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from koudai.cards.store import SQL, programmes_of_book
from koudai.ledger import DrawOrder, Flow, Limit, Per, Subject, limits_of_book
from koudai.pg import Conflict, Tx

Kind = tuple[Subject, ...]


@dataclass
class Terms:
    """The terms of one programme; amounts in minor units, None: no cap.

    `limits` and `kinds` are by flow: what is counted, and whose meters that takes. `card_bounds` and
    `holder_bounds` are the limits on balances. `funding` and `accounts` are hot accounts, by source and
    by purpose.
    """

    programme_id: int
    asset: str
    draw_order: DrawOrder
    max_balance_minor: int | None
    max_load_minor: int | None
    limits: dict[Flow, list[Limit]] = field(default_factory=lambda: {flow: [] for flow in Flow})
    kinds: dict[Flow, list[Kind]] = field(default_factory=lambda: {flow: [] for flow in Flow})
    card_bounds: list[Limit] = field(default_factory=list)
    holder_bounds: list[Limit] = field(default_factory=list)
    funding: dict[str, int] = field(default_factory=dict)
    accounts: dict[str, int] = field(default_factory=dict)

    def add(self, limit: Limit) -> None:
        """Take a limit in."""
        if limit.per is Per.BALANCE:
            (self.card_bounds if limit.subjects == (Subject.CARD,) else self.holder_bounds).append(limit)
            return
        self.limits[limit.flow].append(limit)
        if limit.per is not Per.TRANSACTION and limit.subjects not in self.kinds[limit.flow]:
            self.kinds[limit.flow].append(limit.subjects)

    def with_accounts(self, made: dict[str, int]) -> "Terms":
        """The same terms with further accounts."""
        return replace(self, accounts={**self.accounts, **made})


@dataclass
class BookTerms:
    """The terms of all programmes of a book, and whose meters they take together."""

    programmes: dict[int, Terms] = field(default_factory=dict)
    kinds: set[Kind] = field(default_factory=set)

    @property
    def count_holders(self) -> bool:
        """Whether a limit counts holders by themselves."""
        return (Subject.HOLDER,) in self.kinds


async def terms_of_book(tx: Tx, book: int, programmes: Iterable[int] = ()) -> BookTerms:
    """The terms of a book, read once and kept with the pool; read anew when they lack a programme.

    Raises `pg.Conflict` when what is read anew takes meters that this transaction didn't lock: it
    begins again, and then knows.
    """
    known: BookTerms | None = tx.lasting.get(("cards.terms", book))
    if known is not None and all(one in known.programmes for one in programmes):
        return known
    read = await _read(tx, book)
    tx.lasting["cards.terms", book] = read
    if known is not None and read.kinds - known.kinds:
        raise Conflict("a programme was made meanwhile whose limits count others")
    return read


async def _read(tx: Tx, book: int) -> BookTerms:
    rows, funding, accounts = await tx.together(
        (SQL["programmes_of_book"], book), (SQL["funding_of_book"], book), (SQL["accounts_of_book"], book)
    )
    limits = await limits_of_book(tx, book)
    read = BookTerms()
    for programme in programmes_of_book(rows):
        read.programmes[programme.id] = Terms(
            programme.id, programme.asset, programme.draw_order, programme.max_balance_minor,
            programme.max_load_minor,
        )  # fmt: skip
    for programme_id, source, account in funding:
        read.programmes[programme_id].funding[source] = account
    for programme_id, purpose, account in accounts:
        read.programmes[programme_id].accounts[purpose] = account
    by_programme: dict[int, list[Limit]] = defaultdict(list, limits)
    for terms in read.programmes.values():
        for limit in by_programme[terms.programme_id]:
            terms.add(limit)
            if limit.per is not Per.TRANSACTION and limit.subjects != (Subject.CARD,):
                read.kinds.add(limit.subjects)
    return read
