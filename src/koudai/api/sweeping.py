"""What the server does by itself from time to time: gifts whose days are over are entered as gone back."""

import asyncio
from collections.abc import Callable

from koudai import cards
from koudai.identity import list_issuers
from koudai.instance import Instance

SWEEP_EVERY_S = 60.0
"""How often; a gift's card is free at the moment at which its days are over, whenever that is entered."""

_AT_ONCE = 200
_BREATH_S = 0.02


async def return_gifts(instance: Instance, on_failure: Callable[[Exception], None]) -> None:
    """Enter what went back for as long as the server runs; an outage is told once."""
    failing = False
    while True:
        await asyncio.sleep(SWEEP_EVERY_S)
        try:
            for side in await instance.db.transact(list_issuers):
                returned = _AT_ONCE
                # In small pieces with a breath between them, so that no request waits long behind one.
                while returned:
                    returned = await instance.db.transact(
                        lambda tx, book=side.id: cards.return_due_gifts(tx, book, _AT_ONCE)  # type: ignore[misc]
                    )
                    await asyncio.sleep(_BREATH_S)
            failing = False
        except Exception as error:  # noqa: BLE001 the next round may succeed, and nobody else would try it
            if not failing:
                on_failure(error)
            failing = True
