"""Reseal: bring all words under the present vault key and suite, in pieces, while others write."""

from collections.abc import Callable

from koudai.cards.gifts.link import Ink, open_words
from koudai.cards.gifts.store import SQL
from koudai.identity import Vault, current_vault_key
from koudai.ledger import Place
from koudai.pg import Database, Tx, byteas, columns, in_pieces, int4s, int8s

_PIECE = 500


async def reseal_words(db: Database, vault: Vault, on_piece: Callable[[int], None] | None = None) -> int:
    """Seal all words anew that are sealed otherwise; how many there were. It can be stopped and begun again.

    Those of before the vault, which the keyring sealed, are among them.
    """

    async def piece(tx: Tx, after: Place) -> tuple[int, Place | None]:
        ink = Ink(vault, await current_vault_key(tx, vault))
        rows = await tx.rows(SQL["words_otherwise"], *after, bytes.fromhex(ink.key), vault.suite.mark, _PIECE)
        anew = []
        for batch_id, ordinal, sealed in rows:
            place, before = Place(batch_id, ordinal), bytes(sealed)
            anew.append((*place, before, ink.seal(place, open_words(vault, place, before))))
        if not anew:
            return 0, None
        count = await tx.value(SQL["reseal_words"], *columns((int8s, int4s, byteas, byteas), anew))
        return count, Place(*anew[-1][:2])

    return await in_pieces(db, piece, Place(0, 0), on_piece)


async def count_words_by_key(tx: Tx) -> dict[str, int]:
    """How many words are sealed under each vault key, by fingerprint; under the keyring by an empty one."""
    return {row[0]: row[1] for row in await tx.rows(SQL["count_words"])}
