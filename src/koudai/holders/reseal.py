"""Reseal: bring every field under the present vault key and suite, in pieces, while others write.

What a writer changed meanwhile is sealed under the present key already and is left as it is.
"""

from collections.abc import Callable

from koudai.holders.model import Field
from koudai.holders.store import SQL, context, sealed_anew
from koudai.identity import Vault, current_vault_key
from koudai.pg import Database, Tx, byteas, columns, in_pieces, int8s, texts

_PIECE = 500


async def reseal(db: Database, vault: Vault, on_piece: Callable[[int], None] | None = None) -> int:
    """Seal all fields anew that are sealed otherwise; how many there were. It can be stopped and begun again."""

    async def piece(tx: Tx, after: tuple[int, str]) -> tuple[int, tuple[int, str] | None]:
        key = await current_vault_key(tx, vault)
        rows = await tx.rows(
            SQL["sealed_otherwise"], *after, bytes.fromhex(key), vault.suite.mark, _PIECE
        )  # fmt: skip
        anew = []
        for holder_id, book, name, sealed in rows:
            field, before = Field(name), bytes(sealed)
            value = vault.open(before, context(book, holder_id, field))
            anew.append((holder_id, name, before, *sealed_anew(book, holder_id, field, value, vault, key)))
        if not anew:
            return 0, None
        count = await tx.value(SQL["reseal"], *columns((int8s, texts, byteas, byteas, byteas), anew))
        return count, (anew[-1][0], anew[-1][1])

    return await in_pieces(db, piece, (0, ""), on_piece)


async def count_by_key(tx: Tx) -> dict[str, int]:
    """How many fields are sealed under each vault key, by fingerprint."""
    return {row[0]: row[1] for row in await tx.rows(SQL["count_by_key"])}
