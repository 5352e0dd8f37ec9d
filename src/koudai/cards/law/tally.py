"""Tally: what payers, cards and roots had loaded on a day, for the sums of the law that must not be dodged. Pure."""

from datetime import datetime

from koudai.ledger import Place

Row = tuple[str, int, int, int, int, int]
"""Who, the day's first second, loaded, of that on bearer cards, of that in cash (minor units), its first batch."""


class Tally:
    """What somebody loaded on the Chinese day of the book's time, however often and on whichever card."""

    __slots__ = ("_late", "bearer_minor", "cash_minor", "changed", "day_s", "load_minor", "since", "who")

    def __init__(self, row: Row, day_s: int, batch_id: int) -> None:
        self.who, self.day_s, self.load_minor, self.bearer_minor, self.cash_minor, self.since = row
        self.changed = False
        # A batch of the day before that waited for its turn is judged by the new day's sums, and isn't in them.
        self._late = day_s < self.day_s
        if day_s > self.day_s:
            self.day_s, self.since = day_s, batch_id
            self.load_minor = self.bearer_minor = self.cash_minor = 0
        elif not self._late:
            # Batches take their numbers before they come to this row.
            self.since = min(self.since, batch_id)

    def add(self, amount_minor: int, *, bearer: bool, cash: bool) -> None:
        """Count what is loaded."""
        if self._late:
            return
        self.changed = True
        self.load_minor += amount_minor
        self.bearer_minor += amount_minor if bearer else 0
        self.cash_minor += amount_minor if cash else 0

    def row(self) -> Row:
        """The tally as it is kept."""
        return self.who, self.day_s, self.load_minor, self.bearer_minor, self.cash_minor, self.since


class Closing:
    """What is asked of cards that end: when what they hold was first bought (`bought_at`, by card), and whose card it
    came on (`holder_of`, by load).

    Nothing is paid out while a verification's finding is open: then `payouts_stopped`.
    """

    __slots__ = ("bought_at", "holder_of", "payouts_stopped")

    def __init__(self) -> None:
        self.payouts_stopped = False
        self.bought_at: dict[int, datetime | None] = {}
        self.holder_of: dict[Place, str | None] = {}


class Owed:
    """What a book owes in all, in minor units, as it was read; what is loaded since is added by whoever loads it."""

    __slots__ = ("_late", "minor", "read_at")

    def __init__(self, minor: int = 0, read_at: datetime | None = None) -> None:
        self.minor = minor
        self.read_at = read_at
