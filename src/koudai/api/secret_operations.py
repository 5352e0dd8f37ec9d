"""The routes of PINs and pay codes."""

from koudai.api import pins
from koudai.api.door import Operation
from koudai.api.examples import PIN, PIN_CHANGE
from koudai.api.secret_shapes import NewPin, PayCodeShown, PinChange
from koudai.api.shapes import GiftCardActivity
from koudai.api.told import STOPPED
from koudai.cards import CardRefusal
from koudai.identity import Scope

_OF_CARD = (CardRefusal.UNKNOWN_CARD, CardRefusal.DEACTIVATED, CardRefusal.REPLACED)
_OF_PIN = (CardRefusal.PIN_NOT_OFFERED, CardRefusal.PIN_WEAK)

SECRET_OPERATIONS: tuple[Operation, ...] = (
    Operation(
        method="POST", path="/v1/gift_cards/{id}/pin", name="set_gift_card_pin", tag="Gift cards",
        summary="Give a card a PIN of six digits; what is tried first (a run, a repetition) is refused",
        scope=Scope.CARDS_PIN, keyed=True, request=NewPin, response=GiftCardActivity, status=201,
        codes=(*_OF_CARD, *_OF_PIN, CardRefusal.PIN_SET), examples=PIN, handle=pins.set_one,
    ),
    Operation(
        method="POST", path="/v1/gift_cards/{id}/pin/change", name="change_gift_card_pin", tag="Gift cards",
        summary="Change a card's PIN, by the old one", scope=Scope.CARDS_PIN, keyed=True, request=PinChange,
        response=GiftCardActivity, status=201,
        codes=(
            *_OF_CARD, *_OF_PIN, CardRefusal.NO_PIN, CardRefusal.PIN_NEEDS_DEVICE,
            CardRefusal.PIN_DEVICE_LOCKED, CardRefusal.PIN_LOCKED, CardRefusal.PIN_WRONG,
        ),
        examples=PIN_CHANGE, handle=pins.change,
    ),
    Operation(
        method="POST", path="/v1/gift_cards/{id}/pin/reset", name="reset_gift_card_pin", tag="Gift cards",
        summary="Take a card's PIN and its lock away, for the holder to set a new one",
        scope=Scope.CARDS_PIN_RESET, keyed=True, response=GiftCardActivity, status=201,
        codes=(*_OF_CARD, CardRefusal.NO_PIN), handle=pins.reset,
    ),
    Operation(
        method="POST", path="/v1/gift_cards/{id}/pay_codes", name="create_gift_card_pay_code", tag="Gift cards",
        summary="Make a code that pays once, for seconds, in the place of number and PIN; older ones are dead then",
        scope=Scope.CARDS_PAY_CODE, response=PayCodeShown, status=201,
        codes=(CardRefusal.UNKNOWN_CARD, *STOPPED, CardRefusal.PAY_CODE_NOT_OFFERED),
        handle=pins.make_pay_code,
    ),
)  # fmt: skip
