"""Bodies to try in the interactive documentation. Ids are to be replaced by those of earlier answers."""

from typing import Any

_CARD = "gftc_00000000000000000000000000000000"
_MERCHANT = "mrch_00000000000000000000000000000000"
_REDEMPTION = "gact_00000000000000000000000000000000"


def _example(summary: str, value: dict[str, Any]) -> dict[str, Any]:
    return {"summary": summary, "value": value}


PROGRAMME = {
    "gifts": _example(
        "Cards in yuan, at most 1,000.00 on each",
        {"name": "Gifts", "currency": "CNY", "number_prefix": "900001", "max_balance_minor": 100_000},
    )
}

MERCHANT = {"tea_house": _example("A merchant paid in yuan", {"name": "Tea house 茶馆", "currency": "CNY"})}

GIFT_CARD = {
    "bearer": _example(
        "A card for whoever holds it", {"programme_id": "prgm_00000000000000000000000000000000", "active": True}
    )
}

GAN = {"number": _example("A card's number", {"gan": "9000010000000000009"})}

ACTIVITIES = {
    "load": _example(
        "Load 100.00 paid in cash",
        {"type": "LOAD", "gift_card_id": _CARD, "amount_minor": 10_000, "currency": "CNY", "source": "cash"},
    ),
    "redeem": _example(
        "Pay 12.50 at a merchant",
        {"type": "REDEEM", "gift_card_id": _CARD, "merchant_id": _MERCHANT, "amount_minor": 1_250, "currency": "CNY"},
    ),
    "refund": _example(
        "Give 2.50 of a redemption back",
        {"type": "REFUND", "redemption_id": _REDEMPTION, "amount_minor": 250, "currency": "CNY"},
    ),
    "reversal": _example(
        "Undo a redemption whose answer never arrived", {"type": "REVERSAL", "redemption_key": "order-1001"}
    ),
    "activate": _example("Activate a pending card", {"type": "ACTIVATE", "gift_card_id": _CARD}),
    "block": _example("Block a lost card", {"type": "BLOCK", "gift_card_id": _CARD}),
    "unblock": _example("Let a blocked card go on", {"type": "UNBLOCK", "gift_card_id": _CARD}),
}

BATCH = {
    "two": _example(
        "Two redemptions",
        {
            "redemptions": [
                {
                    "idempotency_key": f"order-{number}",
                    "gift_card_id": _CARD,
                    "merchant_id": _MERCHANT,
                    "amount_minor": amount_minor,
                    "currency": "CNY",
                }
                for number, amount_minor in ((1002, 500), (1003, 750))
            ]
        },
    )
}
