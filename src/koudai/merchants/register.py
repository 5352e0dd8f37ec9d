"""Register: take merchants on."""

from collections.abc import Sequence
from typing import Any

import msgspec

from koudai.base import Asset, Refused
from koudai.ledger import Memory, Place, open_accounts, open_batch, request_text, write
from koudai.merchants.model import Channel, Merchant, MerchantRefusal, Relation, Scenario
from koudai.merchants.store import add, find, is_taken
from koudai.pg import Tx


class Register(msgspec.Struct, frozen=True):
    """A wish to take on a merchant that is paid in `asset`.

    What is said of it stays so: one that comes to be something else is registered anew, with an account of its
    own, so that what was paid under the old terms stays apart. A `ref` is no other merchant's of the book.
    """

    key: str
    name: str
    asset: Asset
    ref: str | None = None
    scenario: Scenario = Scenario.OFFLINE_RETAIL
    relation: Relation = Relation.OTHER
    contracted: bool = False
    channel: Channel = Channel.STREET


async def register(tx: Tx, book: int, commands: Sequence[Register]) -> list[Merchant | Refused]:
    """Take merchants on; one outcome for each, in order. A repeated key answers its first merchant.

    Raises `pg.Conflict` where another transaction took a ref meanwhile: the same call can be repeated.
    """
    sheet = await open_batch(tx, book, {c.key for c in commands})
    outcomes: list[Merchant | Refused] = []
    for command in commands:
        request = _request(command)
        known = sheet.keys.recall(command.key, request)
        refused = known.as_refusal() if isinstance(known, Memory) else known
        if refused is not None:
            outcomes.append(refused)
            continue
        if isinstance(known, Memory):
            merchant_id = known.fact("merchant_id")
            outcomes.append((await find(tx, book, [merchant_id]))[merchant_id])
            continue
        place = Place(sheet.batch_id, sheet.next_ordinal())
        if command.ref is not None and await is_taken(tx, book, command.ref):
            taken = Refused(MerchantRefusal.REF_TAKEN, {"ref": command.ref})
            sheet.keys.remember_refusal(command.key, request, place, taken)
            outcomes.append(taken)
            continue
        (account_id,) = await open_accounts(tx, book, command.asset, "merchant", constrained=False)
        merchant = await add(
            tx, book, account_id, command.asset.code, command.name, command.ref, command.scenario, command.relation,
            command.contracted, command.channel,
        )  # fmt: skip
        sheet.keys.remember(command.key, Memory(request, place, facts=request_text({"merchant_id": merchant.id})))
        outcomes.append(merchant)
    write(tx, sheet)
    return outcomes


def _request(command: Register) -> str:
    fields: dict[str, Any] = {
        "verb": "register_merchant",
        "name": command.name,
        "currency": command.asset.code,
    }
    # What came later stands in a request only where it says something, so that older keys stay what they were.
    for field in msgspec.structs.fields(Register)[3:]:
        value = getattr(command, field.name)
        if value != field.default:
            fields[field.name] = value
    return request_text(fields)
