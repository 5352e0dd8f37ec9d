"""Every route of the API, declared once: the router and the OpenAPI document are built from these."""

from koudai.api import activities, batch, gift_cards, merchants, outcomes, probes, programmes, sandbox
from koudai.api.door import Operation
from koudai.api.examples import ACTIVITIES, BATCH, CLOCK, GAN, GIFT_CARD, MERCHANT, PROGRAMME
from koudai.api.holder_operations import HOLDER_OPERATIONS
from koudai.api.problems import ApiProblem
from koudai.api.shapes import (
    BatchOutcomes,
    ClockAdvance,
    CodeExplained,
    GanLookup,
    GiftCard,
    GiftCardActivity,
    GiftCardActivityPage,
    GiftCardPage,
    Health,
    KeyOutcome,
    Merchant,
    MerchantPage,
    NewActivity,
    NewGiftCard,
    NewMerchant,
    NewProgramme,
    Programme,
    ProgrammePage,
    RedemptionBatch,
    SandboxClock,
)
from koudai.cards import CardRefusal
from koudai.identity import IdentityFault, Scope
from koudai.ledger import LedgerRefusal

_PAGE = ("cursor", "limit")

# What only a programme or a card's issue can be refused for is not told of an activity.
_ACTIVITY_CODES = (
    ApiProblem.BAD_NUMBER, LedgerRefusal.BALANCE_TOO_LARGE, LedgerRefusal.LIMIT_EXCEEDED, LedgerRefusal.COUNT_EXCEEDED,
    LedgerRefusal.BELOW_MINIMUM, LedgerRefusal.BELOW_FLOOR,
    *(code for code in CardRefusal if code not in {CardRefusal.UNKNOWN_PROGRAMME, CardRefusal.BAD_LIMIT}),
)  # fmt: skip

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        method="POST", path="/v1/programmes", name="create_programme", tag="Programmes",
        summary="Make a card programme", scope=Scope.PROGRAMMES_WRITE, keyed=True, request=NewProgramme,
        response=Programme, status=201, codes=(CardRefusal.BAD_LIMIT,), examples=PROGRAMME, handle=programmes.create,
    ),
    Operation(
        method="GET", path="/v1/programmes", name="list_programmes", tag="Programmes",
        summary="List programmes, oldest first", scope=Scope.PROGRAMMES_READ, response=ProgrammePage, query=_PAGE,
        handle=programmes.page,
    ),
    Operation(
        method="GET", path="/v1/programmes/{id}", name="get_programme", tag="Programmes",
        summary="Show a programme", scope=Scope.PROGRAMMES_READ, response=Programme, codes=(ApiProblem.NOT_FOUND,),
        handle=programmes.show,
    ),
    Operation(
        method="POST", path="/v1/merchants", name="create_merchant", tag="Merchants",
        summary="Take a merchant on", scope=Scope.MERCHANTS_WRITE, keyed=True, request=NewMerchant,
        response=Merchant, status=201, examples=MERCHANT, handle=merchants.create,
    ),
    Operation(
        method="GET", path="/v1/merchants", name="list_merchants", tag="Merchants",
        summary="List merchants with their balances, oldest first", scope=Scope.MERCHANTS_READ,
        response=MerchantPage, query=_PAGE, handle=merchants.page,
    ),
    Operation(
        method="GET", path="/v1/merchants/{id}", name="get_merchant", tag="Merchants",
        summary="Show a merchant with its balance", scope=Scope.MERCHANTS_READ, response=Merchant,
        codes=(ApiProblem.NOT_FOUND,), handle=merchants.show,
    ),
    Operation(
        method="POST", path="/v1/gift_cards", name="issue_gift_card", tag="Gift cards",
        summary="Issue a card; its number is in the answer, and under the same key for 15 minutes",
        scope=Scope.CARDS_ISSUE, keyed=True, request=NewGiftCard, response=GiftCard, status=201,
        codes=(CardRefusal.UNKNOWN_PROGRAMME,), examples=GIFT_CARD, handle=gift_cards.create,
    ),
    Operation(
        method="GET", path="/v1/gift_cards", name="list_gift_cards", tag="Gift cards",
        summary="List cards, oldest first", scope=Scope.CARDS_READ, response=GiftCardPage, query=_PAGE,
        handle=gift_cards.page,
    ),
    Operation(
        method="POST", path="/v1/gift_cards/from_gan", name="find_gift_card", tag="Gift cards",
        summary="Find a card by its number", scope=Scope.CARDS_READ, request=GanLookup, response=GiftCard,
        codes=(ApiProblem.BAD_NUMBER, CardRefusal.UNKNOWN_CARD), examples=GAN, handle=gift_cards.from_gan,
    ),
    Operation(
        method="GET", path="/v1/gift_cards/{id}", name="get_gift_card", tag="Gift cards",
        summary="Show a card with its balance", scope=Scope.CARDS_READ, response=GiftCard,
        codes=(ApiProblem.NOT_FOUND,), handle=gift_cards.show,
    ),
    Operation(
        method="POST", path="/v1/gift_card_activities", name="create_gift_card_activity", tag="Activities",
        summary="Load, redeem, authorise, capture, void, refund, reverse, transfer, adjust, expire, renew, and more",
        keyed=True, request=NewActivity, response=GiftCardActivity, status=201, codes=_ACTIVITY_CODES,
        examples=ACTIVITIES, raw=activities.create,
    ),
    Operation(
        method="GET", path="/v1/gift_card_activities", name="list_gift_card_activities", tag="Activities",
        summary="A card's history, newest first", scope=Scope.CARDS_READ, response=GiftCardActivityPage,
        query=("gift_card_id", *_PAGE), codes=(ApiProblem.NOT_FOUND,), handle=activities.page,
    ),
    Operation(
        method="POST", path="/v1/gift_card_activities/batch", name="create_redemption_batch", tag="Activities",
        summary="Up to 8,000 redemptions, each judged and booked by itself", scope=Scope.CARDS_REDEEM,
        request=RedemptionBatch, response=BatchOutcomes, examples=BATCH, raw=batch.create,
    ),
    Operation(
        method="GET", path="/v1/gift_card_activities/{id}", name="get_gift_card_activity", tag="Activities",
        summary="Show an activity", scope=Scope.CARDS_READ, response=GiftCardActivity,
        codes=(ApiProblem.NOT_FOUND,), handle=activities.show,
    ),
    Operation(
        method="GET", path="/v1/idempotency_keys/{key}", name="get_outcome_of_key", tag="Idempotency",
        summary="What was answered under an idempotency key", scope=Scope.CARDS_READ, response=KeyOutcome,
        codes=(ApiProblem.NOT_FOUND,), handle=outcomes.show,
    ),
    *HOLDER_OPERATIONS,
    Operation(
        method="GET", path="/v1/test_clock", name="get_test_clock", tag="Test clock",
        summary="The time of the test side; a live key is refused", scope=Scope.CARDS_READ, response=SandboxClock,
        codes=(IdentityFault.LIVE_CLOCK,), handle=sandbox.show_clock,
    ),
    Operation(
        method="POST", path="/v1/test_clock/advance", name="advance_test_clock", tag="Test clock",
        summary="Move the time of the test side forward: holds and lots expire, limits reset; never for a live key",
        scope=Scope.CLOCK_ADVANCE, request=ClockAdvance, response=SandboxClock,
        codes=(IdentityFault.LIVE_CLOCK, IdentityFault.CLOCK_OUT_OF_RANGE), examples=CLOCK,
        handle=sandbox.advance_clock,
    ),
    Operation(
        method="GET", path="/problems/{code}", name="explain_problem", tag="Server", open=True,
        summary="What a problem's code means", response=CodeExplained, codes=(ApiProblem.NOT_FOUND,),
        handle=probes.explain,
    ),
    Operation(
        method="GET", path="/healthz", name="healthz", tag="Server", open=True, summary="The server runs",
        response=Health, handle=probes.health,
    ),
    Operation(
        method="GET", path="/readyz", name="readyz", tag="Server", open=True, summary="The database answers",
        response=Health, handle=probes.ready,
    ),
    Operation(
        method="GET", path="/metrics", name="metrics", tag="Server", open=True,
        summary="Figures of this server, for Prometheus", response=None, handle=probes.show_metrics,
    ),
)  # fmt: skip
