"""What must hold of the words of gifts, beyond what SQL can see: they open where they stand."""

from koudai.base import Fault
from koudai.cards.gifts.link import open_words
from koudai.cards.gifts.store import SQL
from koudai.identity import Vault
from koudai.ledger import Check, Place
from koudai.pg import Tx

_PIECE = 5_000
_TOLD = 50


def word_checks(vault: Vault) -> tuple[Check, ...]:
    """The check that opens all words of gifts."""

    async def seals(tx: Tx) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        after = Place(0, 0)
        while len(found) < _TOLD and (rows := await tx.rows(SQL["words_after"], *after, _PIECE)):
            for batch_id, ordinal, sealed in rows:
                after = Place(batch_id, ordinal)
                if not _opens(vault, after, bytes(sealed)):
                    found.append((f"cards.gift_words {batch_id}/{ordinal}", "they don't open where they stand"))
        return found

    return (Check("cards.gift_words_seal", seals, ranged=False),)


def _opens(vault: Vault, place: Place, sealed: bytes) -> bool:
    try:
        open_words(vault, place, sealed)
    except Fault:
        return False
    return True
