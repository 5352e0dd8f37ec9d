"""Bodies to try in the interactive documentation. Ids are to be replaced by those of earlier answers."""

from typing import Any

from koudai.programmes import shipped_text

_CARD = "gftc_00000000000000000000000000000000"
_PROGRAMME = "prgm_00000000000000000000000000000000"
_MERCHANT = "mrch_00000000000000000000000000000000"
_OTHER_CARD = "gftc_00000000000000000000000000000001"
_REDEMPTION = "gact_00000000000000000000000000000000"


def _example(summary: str, value: dict[str, Any]) -> dict[str, Any]:
    return {"summary": summary, "value": value}


PROGRAMME = {
    "gifts": _example(
        "Cards in yuan, at most 1,000.00 on each",
        {"name": "Gifts", "currency": "CNY", "number_prefix": "900001", "max_balance_minor": 100_000},
    ),
    "limits": _example(
        "Limits: a holder spends 20,000.00 or pays 5 times a day, a card is loaded with 1,000.00 in any 24 hours",
        {
            "name": "Gifts with limits",
            "currency": "CNY",
            "number_prefix": "900001",
            "draw_order": "bonus_first",
            "limits": [
                {"subjects": ["holder"], "flow": "redeem", "per": "day", "max_minor": 2_000_000, "max_count": 5},
                {"subjects": ["card"], "flow": "load", "per": "rolling", "window_s": 86_400, "max_minor": 100_000},
            ],
        },
    ),
}

VERSION = {"phone_shop": _example("A programme that comes with koudai", {"document": shipped_text("phone-shop")})}

SOURCE = {
    "shipped": _example("A programme that comes with koudai", {"from": "shipped", "name": "city-grocer"}),
    "stored": _example("The newest version of one of yours", {"from": "version", "programme_id": _PROGRAMME}),
}

PAIR = {
    "shipped": _example(
        "A document against the one that it began with",
        {
            "before": {"from": "shipped", "name": "phone-shop"},
            "after": {
                "from": "document",
                "document": (shipped_text("phone-shop") or "").replace("max_minor: 500000", "max_minor: 400000"),
            },
        },
    )
}

ISSUER = {
    "brand": _example(
        "A retailer with a brand of its own",
        {
            "issuer_class": "brand",
            "sector": "retail",
            "founded_on": "2012-05-01",
            "began_on": "2020-01-01",
            "revenue_minor": 800_000_000,
            "capital_minor": 100_000_000,
        },
    )
}

PILOT = {
    "more_room": _example(
        "Registered cards above their cap: 100,000.00 in all, for 50 holders, until the end of June",
        {
            "name": "more-room",
            "opens": ["sp.18.registered"],
            "cap_minor": 10_000_000,
            "cap_holders": 50,
            "until": "2027-06-30T16:00:00Z",
            "reason": "Agreed with the city's commerce bureau, letter 2026-118",
        },
    )
}

ENFORCEMENT = {
    "refuse": _example(
        "Let an unverified clause refuse",
        {"clause": "sp.25.young", "refuses": True, "reason": "Counsel has read the article"},
    )
}

GATE = {"filing": _example("A filing's number", {"gate": "filing", "reference": "沪商单备 2026-001"})}

MERCHANT = {
    "tea_house": _example("A merchant paid in yuan", {"name": "Tea house 茶馆", "currency": "CNY"}),
    "own": _example(
        "A restaurant of the issuer's own, as programmes' documents list it",
        {
            "name": "Tea house 茶馆",
            "currency": "CNY",
            "ref": "tea-house-1",
            "scenario": "dining",
            "relation": "own",
            "contracted": True,
        },
    ),
}

GIFT_CARD = {
    "bearer": _example(
        "A card for whoever holds it", {"programme_id": "prgm_00000000000000000000000000000000", "active": True}
    )
}

SPLIT = {"two": _example("Two new cards from one", {"amounts_minor": [2000, 3000], "currency": "CNY"})}

SPEND_SPLIT = {
    "rest": _example("Pay 12.50, and move the rest into a new card",
                     {"merchant_id": _MERCHANT, "amount_minor": 1_250, "currency": "CNY"}),
    "basket": _example("Pay a basket by PIN, and move the rest into a new card",
                       {"merchant_id": _MERCHANT, "amount_minor": 1_250, "currency": "CNY", "pin": "274916",
                        "device": "till 3", "lines": [
                            {"sku": "tea", "goods_class": "drinks", "amount_minor": 1_250}]}),
}  # fmt: skip

RESTRICTION = {
    "court": _example("A court freezes 500.00", {
        "kind": "court", "authority": "上海市徐汇区人民法院", "document": "(2027)沪0104执5号", "amount_minor": 50_000,
        "currency": "CNY", "until": "2199-01-01T00:00:00+08:00",
    }),
    "police": _example("The police freeze the whole card for 48 hours", {
        "kind": "police", "authority": "上海市公安局徐汇分局", "document": "沪公徐冻字〔2027〕7号", "temporary": True,
    }),
}  # fmt: skip

LIFT = {
    "court": _example("The court lifts it", {
        "kind": "court", "authority": "上海市徐汇区人民法院", "document": "(2027)沪0104执5号之一",
    }),
}  # fmt: skip

CONTINUATION = {
    "court": _example("The court continues it for a year", {
        "kind": "court", "authority": "上海市徐汇区人民法院", "document": "(2027)沪0104执5号之二",
        "until": "2200-01-01T00:00:00+08:00",
    }),
}  # fmt: skip

LOSS_REPORT = {"by_phone": _example("Reported by phone", {"document": "call 4711"})}

REPLACEMENT = {"lost": _example("A lost card", {"reason": "lost"})}

GIFT = {
    "birthday": _example(
        "For whoever has the link, from tomorrow on",
        {"greeting": "Happy birthday 生日快乐", "from_name": "Grandma", "deliver_at": "2027-01-01T08:00:00+08:00"},
    )
}

CLAIM = {"claim": _example("Who has the link claims", {"token": "5Yv0mW3c1lQb9hXo2Rk7tN4uJ8aZ6sPdFgEyCiVwLqM"})}

PIN = {"pin": _example("A PIN", {"pin": "274916"})}

PIN_CHANGE = {"pin": _example("Another PIN", {"old_pin": "274916", "pin": "805263", "device": "app-1"})}

NOTICES = {"some": _example("At most 50 reminders", {"limit": 50})}

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
    "basket": _example(
        "Pay a basket, or of it what is payable and what the card has",
        {
            "type": "REDEEM",
            "gift_card_id": _CARD,
            "merchant_id": _MERCHANT,
            "amount_minor": 4_000,
            "currency": "CNY",
            "partial": True,
            "lines": [
                {"sku": "6901234567892", "goods_class": "tea", "amount_minor": 2_500},
                {"sku": "6901234567908", "goods_class": "tobacco", "amount_minor": 1_500},
            ],
        },
    ),
    "authorise": _example(
        "Reserve 50.00 for a merchant, for a day",
        {
            "type": "AUTHORISE",
            "gift_card_id": _CARD,
            "merchant_id": _MERCHANT,
            "amount_minor": 5_000,
            "currency": "CNY",
            "ttl_s": 86_400,
        },
    ),
    "capture": _example(
        "Capture 42.00 of a hold and give the rest free",
        {"type": "CAPTURE", "hold_id": _REDEMPTION, "amount_minor": 4_200, "final": True},
    ),
    "void": _example("Cancel a hold", {"type": "VOID", "hold_id": _REDEMPTION}),
    "refund": _example(
        "Give 2.50 of a redemption back",
        {"type": "REFUND", "redemption_id": _REDEMPTION, "amount_minor": 250, "currency": "CNY"},
    ),
    "reversal": _example(
        "Undo a redemption whose answer never arrived", {"type": "REVERSAL", "redemption_key": "order-1001"}
    ),
    "transfer": _example(
        "Give 20.00 to another card",
        {
            "type": "TRANSFER",
            "gift_card_id": _CARD,
            "to_gift_card_id": _OTHER_CARD,
            "purpose": "gift",
            "amount_minor": 2_000,
            "currency": "CNY",
        },
    ),
    "adjust": _example(
        "Correct a card upwards; a second person approves",
        {
            "type": "ADJUST_INCREMENT",
            "gift_card_id": _CARD,
            "amount_minor": 500,
            "currency": "CNY",
            "reason": "Charged twice at the till",
            "approved_by": "Li Na",
        },
    ),
    "adjust_downwards": _example(
        "Correct a card downwards",
        {
            "type": "ADJUST_DECREMENT",
            "gift_card_id": _CARD,
            "amount_minor": 500,
            "currency": "CNY",
            "reason": "Loaded twice at the till",
        },
    ),
    "expire": _example("Take expired value off a card", {"type": "EXPIRE", "gift_card_id": _CARD}),
    "renew": _example(
        "Let what expires last longer",
        {"type": "RENEW", "gift_card_id": _CARD, "expires_at": "2029-12-31T16:00:00Z"},
    ),
    "renew_card": _example("Let a card last a further term", {"type": "RENEW", "gift_card_id": _CARD}),
    "reactivate": _example("Let an expired card go on", {"type": "REACTIVATE", "gift_card_id": _CARD}),
    "close": _example(
        "Close a card, and pay out what it holds to an account of its holder",
        {
            "type": "DEACTIVATE",
            "gift_card_id": _CARD,
            "reason": "The holder hands the card back",
            "paid_to": "same_name_account",
            "account_ref": "acct-7f3a",
            "identity_ref": "hldr_00000000000000000000000000000000",
        },
    ),
    "activate": _example("Activate a pending card", {"type": "ACTIVATE", "gift_card_id": _CARD}),
    "block": _example("Block a lost card", {"type": "BLOCK", "gift_card_id": _CARD}),
    "unblock": _example("Let a blocked card go on", {"type": "UNBLOCK", "gift_card_id": _CARD}),
}

_HOLDER = "hldr_00000000000000000000000000000000"

PERSON = {
    "person": _example(
        "A person, whose number is made up",
        {
            "kind": "person",
            "name": "王小明",
            "document_type": "resident_id",
            "document_number": "11010519491231002X",
            "phone": "13800005678",
        },
    ),
    "anonymous": _example("Somebody who states nothing", {"kind": "person"}),
}

COMPANY = {
    "company": _example(
        "A company with its agent",
        {"kind": "company", "name": "晨光文具店", "credit_code": "91350100M000100Y43", "agent_id": _HOLDER},
    )
}

LOOKUP = {"phone": _example("By phone", {"field": "phone", "value": "+8613800005678"})}

DEVICE = {"phone": _example("A telephone", {"device": "app-7f3a"})}

CONSENT = {"account": _example("To keep a bank account", {"purpose": "financial_account", "text_version": "2026-11"})}

READING = {
    "call": _example("To call back", {"fields": ["phone"], "reason": "Complaint 4711: the holder is called back"})
}

ERASURE = {"ended": _example("The last card was closed then", {"ended_at": "2021-03-31T16:00:00Z"})}

_STOCK = "stck_00000000000000000000000000000000"

STOCK = {
    "spring": _example(
        "Five hundred cards for the spring festival",
        {"programme_id": "prgm_00000000000000000000000000000000", "count": 500, "design": "Spring festival 2027"},
    )
}

PRINTING = {"all": _example("All cards of a stock", {"stock_id": _STOCK})}

RECEIPT = {
    "box": _example(
        "A box of cards arrives at a shop", {"stock_id": _STOCK, "first": 1, "last": 100, "place": "shop 7"}
    )
}

WRITING_OFF = {"one": _example("One card was torn", {"gift_card_ids": [_CARD], "reason": "torn"})}

SALE = {
    "debit": _example(
        "A card of 200.00, paid by debit card",
        {
            "gift_card_id": _CARD,
            "amount_minor": 20_000,
            "currency": "CNY",
            "source": "debit",
            "payment_ref": "pos-20270115-0042",
            "till": "shop 7, till 2",
            "clerk": "Chen",
            "place": "shop 7",
        },
    )
}

CALL_OFF = {
    "tricked": _example("The buyer was told by telephone to buy it", {"gift_card_id": _CARD, "reason": "fraud"})
}

VOID_SALE = {
    "tricked": _example("The buyer who called it off gets his money back", {"gift_card_id": _CARD, "reason": "fraud"})
}

CLOCK = {"a_day": _example("Go on to a moment", {"to": "2028-01-31T16:00:00Z"})}

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
