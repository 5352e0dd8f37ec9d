"""Every route of the API, declared once: the router and the OpenAPI document are built from these."""

from koudai.api import (
    activities,
    batch,
    gift_cards,
    launching,
    merchants,
    notices,
    outcomes,
    probes,
    programmes,
    sandbox,
)
from koudai.api.door import Operation
from koudai.api.draft_operations import DRAFT_OPERATIONS
from koudai.api.examples import (
    ACTIVITIES,
    BATCH,
    CLOCK,
    GAN,
    GATE,
    GIFT_CARD,
    MERCHANT,
    NOTICES,
    PROGRAMME,
    SPEND_SPLIT,
    SPLIT,
    VERSION,
)
from koudai.api.gift_operations import GIFT_OPERATIONS, OF_REISSUE
from koudai.api.holder_operations import HOLDER_OPERATIONS
from koudai.api.law_operations import LAW_OPERATIONS
from koudai.api.life_shapes import CardNoticePage, CardNotices, Exchange, NoticeTake, PayoutPage
from koudai.api.merchant_shapes import Merchant, MerchantPage, NewMerchant
from koudai.api.problems import ApiProblem
from koudai.api.restriction_operations import RESTRICTION_OPERATIONS
from koudai.api.secret_operations import SECRET_OPERATIONS
from koudai.api.shapes import (
    BatchOutcomes,
    ClockAdvance,
    CodeExplained,
    GanLookup,
    GateEntry,
    GiftCard,
    GiftCardActivity,
    GiftCardActivityPage,
    GiftCardPage,
    Health,
    KeyOutcome,
    NewActivity,
    NewGateEntry,
    NewGiftCard,
    NewProgramme,
    NewProgrammeVersion,
    NewSpendSplit,
    NewSplit,
    Programme,
    ProgrammeGates,
    ProgrammePage,
    ProgrammeVersion,
    ProgrammeVersions,
    RedemptionBatch,
    SandboxClock,
    Split,
)
from koudai.api.stock_operations import STOCK_OPERATIONS
from koudai.api.told import OF_LAW, OF_LIMITS, OF_PAYING, STOPPED, TOO_LITTLE
from koudai.cards import CardRefusal
from koudai.identity import IdentityFault, Scope
from koudai.ledger import LedgerRefusal
from koudai.merchants import MerchantRefusal
from koudai.policy import PolicyRefusal
from koudai.programmes import ProgrammeRefusal

_PAGE = ("cursor", "limit")

_OF_ISSUE = (
    CardRefusal.NOT_LAUNCHED, CardRefusal.NOT_IN_FORCE, CardRefusal.KIND_NOT_OFFERED, CardRefusal.CARRIER_NOT_OFFERED,
)  # fmt: skip
_OF_SECRETS = (
    CardRefusal.PIN_WEAK, CardRefusal.PIN_SET, CardRefusal.PIN_NOT_OFFERED, CardRefusal.PAY_CODE_NOT_OFFERED,
)  # fmt: skip
_OF_SPLIT = (
    CardRefusal.BAD_PIECES, CardRefusal.PIECE_TOO_SMALL, CardRefusal.NOT_SPLITTABLE, CardRefusal.TOO_MANY_GENERATIONS,
)  # fmt: skip

_EXCHANGE_CODES = (
    CardRefusal.UNKNOWN_CARD, *STOPPED, CardRefusal.NEVER_EXPIRES, CardRefusal.NOT_EXPIRED, CardRefusal.HAS_HOLDS,
)  # fmt: skip

_OF_RESTRICTIONS = (
    CardRefusal.UNKNOWN_RESTRICTION, CardRefusal.ORDER_MISSING, CardRefusal.FREEZE_TOO_LONG,
    CardRefusal.NOT_YOURS_TO_CONTINUE, CardRefusal.FROZEN_BEFORE,
    CardRefusal.NO_LOSS_REPORT, CardRefusal.NOTHING_LEFT,
)  # fmt: skip

_OF_STOCK = (
    CardRefusal.CARRIER_NOT_OFFERED, CardRefusal.STOCK_TOO_LARGE, CardRefusal.UNKNOWN_STOCK, CardRefusal.NOT_STOCK,
    CardRefusal.OUT_OF_ORDER, CardRefusal.PLACE_MISSING, CardRefusal.LIES_ELSEWHERE, CardRefusal.PAYMENT_MISSING,
    CardRefusal.PAYMENT_DIFFERS, CardRefusal.PAYMENT_USED, CardRefusal.WARNING_UNREAD, CardRefusal.TOO_LATE,
)  # fmt: skip

# What only a programme, a stock, a card's issue, its split or a restriction can be refused for is not told of an
# activity.
_ACTIVITY_CODES = (
    ApiProblem.BAD_NUMBER, ApiProblem.TOO_MANY_CODES,
    LedgerRefusal.BALANCE_TOO_LARGE, LedgerRefusal.LIMIT_EXCEEDED, LedgerRefusal.COUNT_EXCEEDED,
    LedgerRefusal.BELOW_MINIMUM, LedgerRefusal.BELOW_FLOOR, PolicyRefusal.FORBIDDEN, PolicyRefusal.REQUIRED,
    PolicyRefusal.OVER_LIMIT, PolicyRefusal.BELOW_LIMIT,
    ProgrammeRefusal.MERCHANT_NOT_ACCEPTED, ProgrammeRefusal.SCENARIO_NOT_ACCEPTED,
    ProgrammeRefusal.GOODS_NOT_ACCEPTED, ProgrammeRefusal.GOODS_EXCLUDED, ProgrammeRefusal.ISSUER_FIGURE_MISSING,
    *(code for code in CardRefusal if code not in {
        CardRefusal.UNKNOWN_PROGRAMME, CardRefusal.BAD_LIMIT, *_OF_ISSUE, *_OF_SPLIT, *_OF_RESTRICTIONS, *_OF_STOCK,
        *OF_REISSUE, *_OF_SECRETS,
    }),
    CardRefusal.HAS_HOLDS,
    *OF_LAW,
)  # fmt: skip

_SPLIT_CODES = (
    CardRefusal.AMOUNT_TOO_LARGE, CardRefusal.UNKNOWN_CARD, CardRefusal.CURRENCY_MISMATCH, *STOPPED, *_OF_SPLIT,
    *TOO_LITTLE, LedgerRefusal.BELOW_FLOOR, *OF_LIMITS, *OF_LAW,
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
    *DRAFT_OPERATIONS,
    Operation(
        method="GET", path="/v1/programmes/{id}", name="get_programme", tag="Programmes",
        summary="Show a programme", scope=Scope.PROGRAMMES_READ, response=Programme, codes=(ApiProblem.NOT_FOUND,),
        handle=programmes.show,
    ),
    Operation(
        method="POST", path="/v1/programmes/{id}/versions", name="put_programme_version", tag="Programmes",
        summary="Put a document as a version: in force from its day on, and never changed",
        scope=Scope.PROGRAMMES_WRITE, keyed=True, request=NewProgrammeVersion, response=ProgrammeVersion, status=201,
        codes=(
            ApiProblem.NOT_FOUND, ProgrammeRefusal.NOT_VALID, ProgrammeRefusal.CURRENCY_CHANGED,
            ProgrammeRefusal.RECLASSIFIED, ProgrammeRefusal.VERSION_EXISTS, ProgrammeRefusal.DATED_BEFORE_NOW,
            ProgrammeRefusal.SANDBOX_ONLY, ProgrammeRefusal.GATE_MISSING, ProgrammeRefusal.BREAKS_LAW,
            ProgrammeRefusal.PREFIX_CHANGED, ProgrammeRefusal.BOUND_TOO_LATE,
        ),
        examples=VERSION, handle=launching.put_version,
    ),
    Operation(
        method="GET", path="/v1/programmes/{id}/versions", name="list_programme_versions", tag="Programmes",
        summary="List the versions of a programme, oldest first", scope=Scope.PROGRAMMES_READ,
        response=ProgrammeVersions, codes=(ApiProblem.NOT_FOUND,), handle=launching.list_versions,
    ),
    Operation(
        method="POST", path="/v1/programmes/{id}/gates", name="enter_programme_gate", tag="Programmes",
        summary="Enter what a programme has to have before it goes live", scope=Scope.PROGRAMMES_WRITE, keyed=True,
        request=NewGateEntry, response=GateEntry, status=201, codes=(ApiProblem.NOT_FOUND,), examples=GATE,
        handle=launching.enter_gate,
    ),
    Operation(
        method="GET", path="/v1/programmes/{id}/gates", name="list_programme_gates", tag="Programmes",
        summary="Show what was entered, and whether the programme is live", scope=Scope.PROGRAMMES_READ,
        response=ProgrammeGates, codes=(ApiProblem.NOT_FOUND,), handle=launching.list_gates,
    ),
    Operation(
        method="POST", path="/v1/programmes/{id}/launch", name="launch_programme", tag="Programmes",
        summary="Let a programme go live", scope=Scope.PROGRAMMES_WRITE, keyed=True, response=ProgrammeGates,
        codes=(
            ApiProblem.NOT_FOUND, ProgrammeRefusal.NO_VERSION, ProgrammeRefusal.ALREADY_LIVE,
            ProgrammeRefusal.SANDBOX_ONLY, ProgrammeRefusal.GATE_MISSING, ProgrammeRefusal.BREAKS_LAW,
            ProgrammeRefusal.ISSUER_MISSING, ProgrammeRefusal.ISSUER_FIGURE_MISSING,
        ),
        handle=launching.launch,
    ),
    Operation(
        method="POST", path="/v1/merchants", name="create_merchant", tag="Merchants",
        summary="Take a merchant on", scope=Scope.MERCHANTS_WRITE, keyed=True, request=NewMerchant,
        response=Merchant, status=201, codes=(MerchantRefusal.REF_TAKEN,), examples=MERCHANT, handle=merchants.create,
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
        codes=(
            CardRefusal.UNKNOWN_PROGRAMME, *_OF_ISSUE, *OF_LAW, CardRefusal.PIN_WEAK, CardRefusal.PIN_NOT_OFFERED,
        ), examples=GIFT_CARD, handle=gift_cards.create,
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
        method="POST", path="/v1/gift_cards/{id}/split", name="split_gift_card", tag="Gift cards",
        summary="Move parts of a card into new cards; their numbers are told as at issue",
        scope=Scope.CARDS_TRANSFER, keyed=True, request=NewSplit, response=Split, status=201, codes=_SPLIT_CODES,
        examples=SPLIT, handle=gift_cards.split,
    ),
    Operation(
        method="POST", path="/v1/gift_cards/{id}/spend_and_split", name="spend_and_split_gift_card", tag="Gift cards",
        summary="Pay a merchant and move the rest into a new card: both or none; asks for cards:redeem too",
        scope=Scope.CARDS_TRANSFER, keyed=True, request=NewSpendSplit, response=Split, status=201,
        codes=(CardRefusal.NOTHING_LEFT, *_SPLIT_CODES, *OF_PAYING), examples=SPEND_SPLIT,
        handle=gift_cards.spend_split,
    ),
    Operation(
        method="POST", path="/v1/gift_cards/{id}/exchange", name="exchange_gift_card", tag="Gift cards",
        summary="Exchange an expired card for a new one; its number is told as at issue",
        scope=Scope.CARDS_ISSUE, keyed=True, response=Exchange, status=201, codes=_EXCHANGE_CODES,
        handle=gift_cards.exchange,
    ),
    Operation(
        method="GET", path="/v1/gift_cards/{id}/family", name="list_gift_card_family", tag="Gift cards",
        summary="The cards that come from the same root by splits, oldest first", scope=Scope.CARDS_READ,
        response=GiftCardPage, query=_PAGE, codes=(ApiProblem.NOT_FOUND,), handle=gift_cards.family,
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
    *RESTRICTION_OPERATIONS,
    *GIFT_OPERATIONS,
    *SECRET_OPERATIONS,
    Operation(
        method="GET", path="/v1/notices", name="list_notices", tag="Notices",
        summary="List the reminders that holders are due, before an expiry or after a silence", scope=Scope.CARDS_READ,
        response=CardNoticePage, query=_PAGE, handle=notices.page,
    ),
    Operation(
        method="POST", path="/v1/notices/take", name="take_notices", tag="Notices",
        summary="Take reminders to send them: each is given once, and again under the same key",
        scope=Scope.NOTICES_TAKE, keyed=True, request=NoticeTake, response=CardNotices, status=201, examples=NOTICES,
        handle=notices.take,
    ),
    Operation(
        method="GET", path="/v1/payouts", name="list_payouts", tag="Gift cards",
        summary="The register of cards that were handed back: whose paper, which account, how much; oldest first",
        scope=Scope.CARDS_CLOSE, response=PayoutPage, query=_PAGE, handle=notices.payouts,
    ),
    *HOLDER_OPERATIONS,
    *STOCK_OPERATIONS,
    *LAW_OPERATIONS,
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
