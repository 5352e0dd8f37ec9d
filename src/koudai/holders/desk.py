"""The desk: all that a batch of commands knows of its holders, under lock, while it is folded. Pure."""

from collections.abc import Callable, Mapping
from datetime import datetime

import msgspec

from koudai.base import CHINA
from koudai.holders.model import Field, Holder, Kind, Level, Purpose, State
from koudai.ledger import Sheet

Open = Callable[[int, Field, bytes], str]


class Case:
    """A locked holder, what is held of it, and what the batch changes.

    `bound_before` says whether anything is held of devices whose binding is over.
    """

    __slots__ = ("_open", "_opened", "bound_before", "consents", "fresh", "holder", "names", "put", "sealed", "touched")

    def __init__(
        self, holder: Holder, sealed: Mapping[Field, bytes], consents: Mapping[Purpose, str], opening: Open,
        *, fresh: bool = False, bound_before: bool = False,
    ) -> None:  # fmt: skip
        self.holder = holder
        self.bound_before = bound_before
        self.sealed = dict(sealed)
        self.names = set(sealed)
        self.consents = dict(consents)
        self.fresh = fresh
        self.put: dict[Field, str] = {}
        self.touched = False
        self._open = opening
        self._opened: dict[Field, str] = {}

    def value(self, field: Field) -> str | None:
        """What a field says, or None when it isn't held."""
        if field not in self.names:
            return None
        if field not in self._opened:
            self._opened[field] = self._open(self.holder.id, field, self.sealed[field])
        return self._opened[field]

    def values(self) -> dict[Field, str]:
        """All that is held."""
        return {field: value for field in Field if (value := self.value(field)) is not None}

    def state(self, field: Field, value: str) -> None:
        """Let a field say something else."""
        self.names.add(field)
        self._opened[field] = self.put[field] = value

    def forget(self, field: Field) -> None:
        """Let a field be held no more."""
        self.names.discard(field)
        self._opened.pop(field, None)
        self.put.pop(field, None)

    def change(self, *, identity: bool = False, **what: object) -> Holder:
        """The holder after a change, by which its version rises; with `identity`, a verification is over."""
        version = self.holder.version + (not self.fresh or self.touched)
        identity_version = version if identity or self.fresh else self.holder.identity_version
        self.holder = msgspec.structs.replace(
            self.holder, version=version, identity_version=identity_version, **what
        )  # fmt: skip
        self.touched = True
        return self.holder

    def __repr__(self) -> str:
        return f"Case({self.holder.ref})"


class Desk:
    """One batch of one book while it is folded.

    `taken` says who has a number that only one may have, `acting` who acts for a company or owns one, and
    `levels` how well those are known who do so for a holder of the batch.
    """

    def __init__(
        self, sheet: Sheet, cases: Mapping[str, Case], taken: Mapping[tuple[Field, str], int],
        acting: frozenset[int], levels: Mapping[int, Level], fresh: list[tuple[int, str]], opening: Open,
    ) -> None:  # fmt: skip
        self.sheet = sheet
        self.cases = dict(cases)
        self._by_id = {case.holder.id: case for case in cases.values()}
        self._levels = levels
        self.taken = dict(taken)
        self.acting = set(acting)
        self.unbound: list[tuple[int, str]] = []
        self.bound: list[tuple[int, str, datetime | None]] = []
        self.consents: list[tuple[int, bool, str, str]] = []
        self.erasures: list[tuple[int, tuple[str, ...], str, bool]] = []
        self._fresh = fresh
        self._opening = opening

    @property
    def now(self) -> datetime:
        """The book's time."""
        return self.sheet.now

    @property
    def today(self) -> datetime:
        """The same in China."""
        return self.sheet.now.astimezone(CHINA)

    def is_known(self, holder_id: int | None) -> bool:
        """Whether a holder of the book is at least registered."""
        case = self._by_id.get(holder_id or 0)
        if case is not None:
            return case.holder.level is not Level.ANONYMOUS
        return self._levels.get(holder_id or 0, Level.ANONYMOUS) is not Level.ANONYMOUS

    def fresh_case(self, kind: Kind, agent: int | None, owner: int | None) -> Case:
        """A holder who isn't there yet, known as nobody."""
        holder_id, ref = self._fresh.pop()
        holder = Holder(
            holder_id, ref, kind, Level.ANONYMOUS, State.ACTIVE, 1, 1, (), agent, owner, self.now,
        )  # fmt: skip
        return Case(holder, {}, {}, self._opening, fresh=True)
