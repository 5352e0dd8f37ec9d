"""Under law: what the law means for a programme as it is told, kind by kind, before anything happens."""

from collections.abc import Collection, Mapping

import msgspec

from koudai.ledger import time_of_book
from koudai.pg import Tx
from koudai.policy import GateKind
from koudai.programmes.law import examined, opened_by, refuses
from koudai.programmes.model import Programme
from koudai.programmes.store import enforced, pilots
from koudai.programmes.words import Kind


class Violated(msgspec.Struct, frozen=True):
    """A clause that a programme would let be broken: by what it declares of which `fact`.

    The fact is null where the clause never allows what the programme's conditions permit. It is `refused`, or only
    warned of.
    """

    clause: str
    fact: str | None
    refused: bool


class KindUnderLaw(msgspec.Struct, frozen=True):
    """The clauses that apply to cards of a kind; of these the unverified ones, and those of them that refuse here.

    `opened_by` says which clauses are open for the programme, and by which of its pilots.
    """

    applies: list[str]
    unverified: list[str]
    enforced: list[str]
    violations: list[Violated]
    opened_by: dict[str, str]


class UnderLaw(msgspec.Struct, frozen=True):
    """What a programme's policy pack means for it, by kind of card; `gates` are what it enters before it goes live."""

    pack: str
    kinds: dict[Kind, KindUnderLaw]
    gates: list[GateKind]

    @property
    def breaks(self) -> bool:
        """Whether something that the programme declares is refused."""
        return any(one.refused for kind in self.kinds.values() for one in kind.violations)


def under_law(
    programme: Programme, decided: Collection[str] = (), opened: Mapping[str, str] | None = None
) -> UnderLaw:  # fmt: skip
    """What the law means for a programme, where a book `decided` that unverified clauses refuse, and pilots `opened`
    some.
    """
    open_now = opened or {}
    found = examined(programme)
    kinds = {
        kind: KindUnderLaw(
            [clause.id for clause in one.applies],
            [clause.id for clause in one.unverified],
            [clause.id for clause in one.unverified if clause.id in decided],
            [
                Violated(x.clause.id, x.fact, refuses(x) and x.clause.id not in open_now)
                for x in one.violations
            ],
            {clause.id: open_now[clause.id] for clause in one.applies if clause.id in open_now},
        )
        for kind, one in found.items()
    }  # fmt: skip
    gates = [gate.kind for gate in next(iter(found.values())).gates]
    return UnderLaw(programme.policy.pack, kinds, gates)


async def under_law_of_book(tx: Tx, book: int, programme_id: int, programme: Programme) -> UnderLaw:
    """What the law means for a programme of a book as of now: with what was decided there, and its pilots."""
    mine = [one for one in await pilots(tx, book) if one.programme_id == programme_id]
    opened = opened_by(programme, mine, await time_of_book(tx, book))
    return under_law(programme, await enforced(tx, book), opened)
