"""Once: what commands on a book's standing make is made under their keys, and told again to who repeats one."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol, TypeVar

from koudai.base import Refused
from koudai.ledger import Memory, Place, Sheet, request_text
from koudai.programmes.put import recalled


class _Keyed(Protocol):
    @property
    def key(self) -> str: ...


class _Numbered(Protocol):
    @property
    def id(self) -> int: ...


C = TypeVar("C", bound=_Keyed)
M = TypeVar("M", bound=_Numbered)


async def made_once(
    sheet: Sheet, commands: Iterable[C], request: Callable[[C], str], fact: str,
    make: Callable[[C], Awaitable[M | Refused]], made_before: Callable[[], Awaitable[Iterable[M]]],
) -> list[M | Refused]:  # fmt: skip
    """One outcome for each command, in order: what `make` makes of it, or what its key led to before.

    The id of what was made is remembered as `fact`. What there is of before is read once, if a key is repeated.
    """
    outcomes: list[M | Refused] = []
    known_before: dict[int, M] = {}
    for command in commands:
        text = request(command)
        known = recalled(sheet.keys, command.key, text)
        if isinstance(known, Refused):
            outcomes.append(known)
        elif known is not None:
            made_id = known.fact(fact)
            if made_id not in known_before:
                known_before = {one.id: one for one in await made_before()}
            outcomes.append(known_before[made_id])
        else:
            place = Place(sheet.batch_id, sheet.next_ordinal())
            made = await make(command)
            if isinstance(made, Refused):
                sheet.keys.remember_refusal(command.key, text, place, made)
            else:
                sheet.keys.remember(command.key, Memory(text, place, facts=request_text({fact: made.id})))
            outcomes.append(made)
    return outcomes
