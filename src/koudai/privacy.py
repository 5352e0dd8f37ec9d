"""Privacy: what is asked of every room that holds something personal: holders, and the words of gifts.

Here they meet for what must be asked of all of them at once: what is held of a holder, its erasure, the report, and a
change of the vault's key.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from koudai import cards, holders
from koudai.base import Fault, Refused, render_time
from koudai.holders import Duty, Erase, Erased, duties
from koudai.identity import IdentityFault, Vault, old_vault_keys, retire_vault_key, vault_key_to_change
from koudai.pg import Database, Tx

Object = dict[str, Any]

GIFT_WORDS = "gift_words"
"""What the words of gifts are called beside the fields of holders."""


async def export(tx: Tx, book: int, ref: str, vault: Vault, *, exported_to: str) -> Object:
    """Everything personal that is held about a holder, for himself (PIPL 45); the reading is logged.

    Raises Fault when there is no such holder.
    """
    gifts = await cards.gifts_of_holder(tx, book, ref, vault)
    beside = (GIFT_WORDS,) if gifts.said else ()
    told = await holders.export(tx, book, ref, vault, exported_to=exported_to, beside=beside)
    return {**told, "gifts_given": gifts.given, "gifts_received": gifts.received}


async def erase(tx: Tx, book: int, wish: Erase, vault: Vault) -> Erased | Refused:
    """Erase what no duty keeps of a holder: fields, devices, and the words of the gifts that he gave.

    No duty names words, so they go at once, those of a gift that is still offered too: it is claimed without them.
    While a card of his is open the relation stands, whatever is said; it ended no earlier than the last one, and a
    card of many purposes is a payment institution's (反洗钱法 Art. 34).
    """
    relation = await cards.relation_with(tx, book, wish.holder)
    wish = msgspec.structs.replace(
        wish, cards_open=relation.open, last_closed_at=relation.last_closed_at,
        duties_of_cards=duties(licensed=True) if relation.licensed else (),
    )  # fmt: skip
    if await cards.has_words(tx, book, wish.holder):
        wish = msgspec.structs.replace(wish, beside=(GIFT_WORDS,))
    (made,) = await holders.run(tx, book, [wish], vault)
    assert isinstance(made, Erased | Refused)
    if isinstance(made, Erased) and GIFT_WORDS in made.beside:
        # Up to its own batch: the same key, told again, takes nothing that was written since.
        await cards.erase_words(tx, book, made.holder, made.batch_id)
    return made


async def report(tx: Tx, book: int, applying: Sequence[Duty]) -> Object:
    """What is held of how many, and how long; which consents stand; what was erased (PIPL 51, 54). Nobody is named."""
    told = await holders.report(tx, book, applying)
    count, oldest_at = await cards.held_words(tx, book)
    if oldest_at is not None:
        row = {"field": GIFT_WORDS, "count": count, "oldest_at": render_time(oldest_at), "kept": []}
        told["fields"].append(row)
    return told


async def reseal(db: Database, vault: Vault, on_piece: Callable[[int, int], None] | None = None) -> int:
    """Seal everything anew that isn't under the present vault key and suite; how much there was.

    It can be stopped and begun again, and others may write meanwhile. `on_piece` is told how much is done, of how much
    at most.
    """
    total = sum((await db.transact(count_by_key)).values())

    def after(before: int) -> Callable[[int], None]:
        return lambda done: on_piece(before + done, total) if on_piece is not None else None

    fields = await holders.reseal(db, vault, after(0))
    return fields + await cards.reseal_words(db, vault, after(fields))


async def count_by_key(tx: Tx) -> dict[str, int]:
    """How much is sealed under each vault key, by fingerprint; words of before the vault are under an empty one."""
    return dict(Counter(await holders.count_by_key(tx)) + Counter(await cards.count_words_by_key(tx)))


async def retire(tx: Tx, vault: Vault) -> list[str]:
    """Put old vault keys out of force, that nothing is sealed under any more; their fingerprints.

    Raises Fault when something still is. Who seals waits for this transaction to end.
    """
    await vault_key_to_change(tx, vault)
    counts = await count_by_key(tx)
    old = await old_vault_keys(tx)
    for fingerprint in old:
        if counts.get(fingerprint):
            raise Fault(IdentityFault.VAULT_KEY_IN_USE, key=fingerprint, fields=counts[fingerprint])
        await retire_vault_key(tx, fingerprint)
    return old
