"""PINs and pay codes of cards. Both stand in bodies alone, and nothing that is answered or logged repeats them."""

from anyio import to_thread

from koudai import cards
from koudai.api.door import Call
from koudai.api.secret_shapes import PayCodeShown
from koudai.api.shapes import GiftCardActivity
from koudai.base import Refused
from koudai.cards.secrets import pictures


async def set_one(call: Call) -> GiftCardActivity | Refused:
    """POST /v1/gift_cards/{id}/pin"""
    card, pin = call.door.ids.card(call.path("id")), call.door.ids.pin(call.body.pin)
    return await _happen(call, cards.SetPin(key=call.key, card=card, pin=pin))


async def change(call: Call) -> GiftCardActivity | Refused:
    """POST /v1/gift_cards/{id}/pin/change"""
    ids, body = call.door.ids, call.body
    wish = cards.ChangePin(
        key=call.key, card=ids.card(call.path("id")), old_pin=ids.pin(body.old_pin), pin=ids.pin(body.pin),
        device=body.device,
    )  # fmt: skip
    return await _happen(call, wish)


async def reset(call: Call) -> GiftCardActivity | Refused:
    """POST /v1/gift_cards/{id}/pin/reset"""
    return await _happen(call, cards.ResetPin(key=call.key, card=call.door.ids.card(call.path("id"))))


async def _happen(call: Call, wish: cards.Command) -> GiftCardActivity | Refused:
    (outcome,) = await call.transact(lambda tx: cards.run(tx, call.book, [wish]))
    return outcome if isinstance(outcome, Refused) else call.door.ids.activities([outcome])[0]


async def make_pay_code(call: Call) -> PayCodeShown | Refused:
    """POST /v1/gift_cards/{id}/pay_codes"""
    wish = cards.MakePayCode(call.door.ids.card(call.path("id")))
    keyring = call.door.instance.keyring
    (made,) = await call.transact(lambda tx: cards.make_pay_codes(tx, call.book, [wish], keyring))
    return made if isinstance(made, Refused) else await to_thread.run_sync(_shown, made)


def _shown(made: cards.NewPayCode) -> PayCodeShown:
    code = made.code
    return PayCodeShown(
        code, made.expires_at, pictures.qr_svg(code), pictures.code128_svg(code), pictures.qr_png(code),
        pictures.code128_png(code),
    )  # fmt: skip
