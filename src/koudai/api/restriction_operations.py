"""The routes of restrictions."""

from koudai.api import restrictions
from koudai.api.door import Operation
from koudai.api.examples import CONTINUATION, LIFT, LOSS_REPORT, RESTRICTION
from koudai.api.problems import ApiProblem
from koudai.api.restrictions import (
    NewContinuation,
    NewLift,
    NewLossReport,
    NewRestriction,
    Restriction,
    RestrictionList,
)
from koudai.cards import CardRefusal
from koudai.identity import Scope

_ON_CARD = (CardRefusal.UNKNOWN_CARD, CardRefusal.REPLACED, CardRefusal.DEACTIVATED)

RESTRICTION_OPERATIONS: tuple[Operation, ...] = (
    Operation(
        method="POST", path="/v1/gift_cards/{id}/restrictions", name="restrict_gift_card", tag="Restrictions",
        summary="Restrict an amount of a card, or the whole card, behind what restricts it already",
        scope=Scope.CARDS_BLOCK, keyed=True, request=NewRestriction, response=Restriction, status=201,
        codes=(
            *_ON_CARD, CardRefusal.CURRENCY_MISMATCH, CardRefusal.ORDER_MISSING, CardRefusal.BAD_TERM,
            CardRefusal.FREEZE_TOO_LONG, CardRefusal.FROZEN_BEFORE, CardRefusal.NO_LOSS_REPORT,
            CardRefusal.AMOUNT_TOO_LARGE,
        ),
        examples=RESTRICTION, handle=restrictions.create,
    ),
    Operation(
        method="GET", path="/v1/gift_cards/{id}/restrictions", name="list_gift_card_restrictions", tag="Restrictions",
        summary="What restricts a card, in the order of its queue, and what did: for the operator, not for the till",
        scope=Scope.CARDS_RESTRICT, response=RestrictionList, codes=(ApiProblem.NOT_FOUND,), handle=restrictions.page,
    ),
    Operation(
        method="POST", path="/v1/gift_cards/{id}/restrictions/{restriction}/lift", name="lift_gift_card_restriction",
        tag="Restrictions", summary="End a restriction, under the power that ordered it", scope=Scope.CARDS_BLOCK,
        keyed=True, request=NewLift, response=Restriction,
        codes=(
            CardRefusal.UNKNOWN_CARD, CardRefusal.UNKNOWN_RESTRICTION, CardRefusal.NOT_YOURS_TO_LIFT,
            CardRefusal.ORDER_MISSING, CardRefusal.CALLED_OFF,
        ),
        examples=LIFT, handle=restrictions.lift,
    ),
    Operation(
        method="POST", path="/v1/gift_cards/{id}/restrictions/{restriction}/continue",
        name="continue_gift_card_restriction", tag="Restrictions",
        summary="Let a restriction last longer, before its term ends; it keeps its place in the queue",
        scope=Scope.CARDS_BLOCK, keyed=True, request=NewContinuation, response=Restriction,
        codes=(
            CardRefusal.UNKNOWN_CARD, CardRefusal.UNKNOWN_RESTRICTION, CardRefusal.NOT_YOURS_TO_CONTINUE,
            CardRefusal.ORDER_MISSING, CardRefusal.BAD_TERM, CardRefusal.FREEZE_TOO_LONG,
        ),
        examples=CONTINUATION, handle=restrictions.go_on,
    ),
    Operation(
        method="POST", path="/v1/gift_cards/{id}/loss_report", name="report_gift_card_lost", tag="Restrictions",
        summary="Stop a card at once that its holder lost", scope=Scope.CARDS_BLOCK, keyed=True,
        request=NewLossReport, response=Restriction, status=201,
        codes=(*_ON_CARD, CardRefusal.ALREADY_BLOCKED, CardRefusal.NO_LOSS_REPORT), examples=LOSS_REPORT,
        handle=restrictions.report_loss,
    ),
)  # fmt: skip
