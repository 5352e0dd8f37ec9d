"""The routes of replacements and gifts."""

from koudai.api import gifts
from koudai.api.door import Operation
from koudai.api.examples import CLAIM, GIFT, REPLACEMENT
from koudai.api.gift_shapes import ClaimedGift, Gift, GiftClaim, GiftPage, NewGift, NewReplacement, Replacement
from koudai.api.problems import ApiProblem
from koudai.api.shapes import GiftCardActivity
from koudai.api.told import OF_LAW, OF_LIMITS, STOPPED, TOO_LITTLE
from koudai.cards import CardRefusal
from koudai.identity import Scope
from koudai.ledger import LedgerRefusal

_OF_CARD = (CardRefusal.UNKNOWN_CARD, *STOPPED, CardRefusal.HAS_HOLDS, *TOO_LITTLE)
_OF_GIFT = (CardRefusal.UNKNOWN_GIFT, CardRefusal.GIFT_ENDED, CardRefusal.GIFT_EXPIRED)
OF_REISSUE = frozenset((
    CardRefusal.NOT_REPLACEABLE, CardRefusal.UNKNOWN_GIFT, CardRefusal.GIFT_ENDED, CardRefusal.GIFT_EXPIRED,
    CardRefusal.GIFT_TOKEN_WRONG, CardRefusal.GIFT_NOT_DUE, CardRefusal.GIFT_FOR_ANOTHER, CardRefusal.GIFT_OWN,
    CardRefusal.GIFT_NOT_NOW, CardRefusal.HAS_HOLDS,
))  # fmt: skip
"""What no activity is refused for."""

GIFT_OPERATIONS: tuple[Operation, ...] = (
    Operation(
        method="POST", path="/v1/gift_cards/{id}/replace", name="replace_gift_card", tag="Gift cards",
        summary="Issue a card anew: all of it goes to a new number, and the old one is dead",
        scope=Scope.CARDS_TRANSFER, keyed=True, request=NewReplacement, response=Replacement, status=201,
        codes=(*_OF_CARD, CardRefusal.NOT_REPLACEABLE, CardRefusal.CALLED_OFF), examples=REPLACEMENT,
        handle=gifts.replace,
    ),
    Operation(
        method="POST", path="/v1/gift_cards/{id}/gifts", name="give_gift_card", tag="Gifts",
        summary="Offer a whole card as a gift; its link is in the answer, and under the same key for 15 minutes",
        scope=Scope.CARDS_TRANSFER, keyed=True, request=NewGift, response=Gift, status=201,
        codes=(
            *_OF_CARD, CardRefusal.BAD_TERM, CardRefusal.NOT_GIVABLE, CardRefusal.RECEIVER_MISSING,
            CardRefusal.NOT_TRANSFERABLE, LedgerRefusal.BELOW_FLOOR, *OF_LIMITS,
        ),
        examples=GIFT, handle=gifts.give,
    ),
    Operation(
        method="GET", path="/v1/gifts", name="list_gifts", tag="Gifts",
        summary="List gifts as their givers see them, oldest first", scope=Scope.CARDS_READ, response=GiftPage,
        query=("cursor", "limit"), handle=gifts.page,
    ),
    Operation(
        method="GET", path="/v1/gifts/{id}", name="get_gift", tag="Gifts", summary="Show a gift to its giver",
        scope=Scope.CARDS_READ, response=Gift, codes=(ApiProblem.NOT_FOUND,), handle=gifts.show,
    ),
    Operation(
        method="POST", path="/v1/gifts/{id}/claim", name="claim_gift", tag="Gifts",
        summary="Claim a gift: its card is issued anew, and its number told as at issue; five wrong tokens kill it",
        scope=Scope.CARDS_TRANSFER, keyed=True, request=GiftClaim, response=ClaimedGift, status=201,
        codes=(
            *_OF_GIFT, CardRefusal.GIFT_TOKEN_WRONG, CardRefusal.GIFT_NOT_DUE, CardRefusal.GIFT_FOR_ANOTHER,
            CardRefusal.GIFT_OWN, CardRefusal.GIFT_NOT_NOW, CardRefusal.IDENTITY_TOO_LOW, CardRefusal.BLOCKED,
            CardRefusal.RESTRICTED, CardRefusal.EXPIRED, CardRefusal.EXPIRED_OVER, LedgerRefusal.LIMIT_EXCEEDED,
            *OF_LAW,
        ),
        examples=CLAIM, handle=gifts.claim,
    ),
    Operation(
        method="POST", path="/v1/gifts/{id}/withdraw", name="withdraw_gift", tag="Gifts",
        summary="Take a gift back before it is claimed", scope=Scope.CARDS_TRANSFER, keyed=True,
        response=GiftCardActivity, status=201, codes=_OF_GIFT, handle=gifts.withdraw,
    ),
)  # fmt: skip
