"""Register: take merchants on."""

from collections.abc import Sequence

import msgspec

from koudai.base import Asset, Refused
from koudai.ledger import Memory, Place, open_accounts, open_batch, request_text, write
from koudai.merchants.model import Merchant
from koudai.merchants.store import add, find
from koudai.pg import Tx


class Register(msgspec.Struct, frozen=True):
    """A wish to take on a merchant that is paid in `asset`."""

    key: str
    name: str
    asset: Asset


async def register(tx: Tx, book: int, commands: Sequence[Register]) -> list[Merchant | Refused]:
    """Take merchants on; one outcome for each, in order. A repeated key answers its first merchant."""
    sheet = await open_batch(tx, book, {c.key for c in commands})
    outcomes: list[Merchant | Refused] = []
    for command in commands:
        request = request_text({"verb": "register_merchant", "name": command.name, "currency": command.asset.code})
        known = sheet.keys.recall(command.key, request)
        refused = known.as_refusal() if isinstance(known, Memory) else known
        if refused is not None:
            outcomes.append(refused)
        elif isinstance(known, Memory):
            merchant_id = known.fact("merchant_id")
            outcomes.append((await find(tx, book, [merchant_id]))[merchant_id])
        else:
            (account_id,) = await open_accounts(tx, book, command.asset, "merchant", constrained=False)
            merchant = await add(tx, book, account_id, command.asset.code, command.name)
            place = Place(sheet.batch_id, sheet.next_ordinal())
            sheet.keys.remember(command.key, Memory(request, place, facts=request_text({"merchant_id": merchant.id})))
            outcomes.append(merchant)
    write(tx, sheet)
    return outcomes
