"""The later life of a card over HTTP: it expires, goes on, is reminded of, is exchanged, and is handed back."""

from datetime import datetime, timedelta

import pytest

from tests.api.test_law import PERSON
from tests.cards.documented import PLAY
from tests.programmes.drafts import text_of

pytestmark = pytest.mark.anyio

DAY = timedelta(days=1)


@pytest.fixture
async def programme(api):
    """Cards that last ten days, of whose expiry one is reminded the day before."""
    made = await api.programme()
    validity = {"days": 10, "renewal": "on_request", "reactivation_days": 20}
    document = text_of(
        **PLAY, effective_on="2020-01-01", scenarios={"offline_retail": "ecommerce"}, kinds={"registered": None, "bearer": {"validity": validity}},
        notices={"before_expiry_days": [1], "silence_days": [15]},
    )  # fmt: skip
    put = await api.post(f"/v1/programmes/{made}/versions", {"document": document})
    assert put.status_code == 201, put.text
    return made


@pytest.fixture
async def lawful(api):
    """Bearer cards under the law of single-purpose cards."""
    made = await api.programme()
    document = text_of(effective_on="2020-01-01", kinds={"registered": None, "bearer": {}})
    put = await api.post(f"/v1/programmes/{made}/versions", {"document": document})
    assert put.status_code == 201, put.text
    return made


async def later(api, days):
    now = datetime.fromisoformat((await api.get("/v1/test_clock")).json()["now_at"])
    moved = await api.post("/v1/test_clock/advance", {"to": (now + days * DAY).isoformat()})
    assert moved.status_code == 200, moved.text


async def shown(api, card) -> dict:
    return (await api.get(f"/v1/gift_cards/{card}")).json()


async def test_an_expired_card_says_how_it_goes_on_and_does(api, programme) -> None:
    card, shop = await api.loaded(programme, 5_000), await api.merchant()
    pay = {"gift_card_id": card, "merchant_id": shop, "amount_minor": 1, "currency": "CNY"}
    until = (await shown(api, card))["expires_at"]
    early = await api.act("REACTIVATE", gift_card_id=card)
    assert (early.status_code, early.json()["code"]) == (409, "cards.not_expired")
    await later(api, 12)
    no = await api.act("REDEEM", **pay)
    assert (no.status_code, no.json()["code"], no.json()["facts"]) == (409, "cards.expired", {"expired_at": until})
    assert "Re-activate it" in no.json()["detail"]
    made = await api.act("REACTIVATE", gift_card_id=card, key="r")
    assert (made.status_code, made.json()["type"], made.json()["balance_minor"]) == (201, "RENEW", 5_000)
    assert (await api.act("REACTIVATE", gift_card_id=card, key="r")).json() == made.json()
    assert (await api.act("REDEEM", **pay)).status_code == 201
    assert (await shown(api, card))["expires_at"] > until
    await later(api, 2)
    assert (await api.act("RENEW", gift_card_id=card)).status_code == 201


async def test_an_expired_card_is_exchanged_for_a_new_one(api, programme) -> None:
    card = await api.loaded(programme, 5_000)
    early = await api.post(f"/v1/gift_cards/{card}/exchange", None)
    assert (early.status_code, early.json()["code"]) == (409, "cards.not_expired")
    await later(api, 12)
    made = await api.post(f"/v1/gift_cards/{card}/exchange", None, key="x")
    assert made.status_code == 201, made.text
    told = made.json()
    assert (told["activity"]["type"], told["activity"]["amount_minor"]) == ("TRANSFER_BALANCE_FROM", 5_000)
    new = told["gift_card"]
    assert (len(new["gan"]), new["available_minor"], new["parent_id"]) == (19, 5_000, card)
    assert (await api.post(f"/v1/gift_cards/{card}/exchange", None, key="x")).json() == told
    old = await shown(api, card)
    assert (old["state"], old["successor_id"]) == ("DEACTIVATED", new["id"])


async def test_a_card_is_handed_back_and_the_register_says_so(api, lawful) -> None:
    ann = await api.made("/v1/holders", PERSON)
    card = await api.loaded(lawful, 20_000, payer="tom")
    wish = {"gift_card_id": card, "reason": "asked for"}
    missing = await api.act("DEACTIVATE", **wish)
    assert (missing.status_code, missing.json()["code"]) == (422, "cards.payout_missing")
    cash = await api.act("DEACTIVATE", **wish, paid_to="cash", identity_ref=ann)
    assert (cash.status_code, cash.json()["code"], cash.json()["facts"]["clause"]) == (
        409, "policy.over_limit", "sp.21.cash",
    )  # fmt: skip
    bank = {"paid_to": "same_name_account", "account_ref": "acct-1", "identity_ref": ann}
    made = await api.act("DEACTIVATE", **wish, **bank, key="c")
    assert (made.status_code, made.json()["type"], made.json()["amount_minor"]) == (201, "PAY_OUT", 20_000)
    assert (await api.act("DEACTIVATE", **wish, **bank, key="c")).json() == made.json()
    assert (await shown(api, card))["state"] == "DEACTIVATED"
    other = await api.loaded(lawful, 100, payer="tom")
    await api.act("DEACTIVATE", gift_card_id=other, reason="asked for", paid_to="cash", identity_ref=ann)
    first = (await api.get("/v1/payouts?limit=1")).json()
    (row,) = first["data"]
    assert (row["activity_id"], row["gift_card_id"], row["amount"]["amount_minor"], row["account_ref"]) == (
        made.json()["id"], card, 20_000, "acct-1",
    )  # fmt: skip
    rest = (await api.get(f"/v1/payouts?cursor={first['next_cursor']}")).json()
    assert [r["identity_ref"] for r in rest["data"]] == [ann]
    assert rest["next_cursor"] is None
    assert (await api.act("DEACTIVATE", **wish, paid_to="lottery")).status_code == 422


async def test_goods_go_to_another_card_where_the_original_is_closed(api, programme) -> None:
    card, shop = await api.loaded(programme, 100), await api.merchant()
    pay = {"gift_card_id": card, "merchant_id": shop, "amount_minor": 100, "currency": "CNY"}
    paid = (await api.act("REDEEM", **pay)).json()
    await api.act("DEACTIVATE", gift_card_id=card, reason="empty")
    back = {"redemption_id": paid["id"], "amount_minor": 60, "currency": "CNY"}
    no = await api.act("REFUND", **back)
    assert (no.status_code, no.json()["code"]) == (409, "cards.other_card_needed")
    other = (await api.card(programme))["id"]
    made = await api.act("REFUND", **back, to_gift_card_id=other)
    assert (made.status_code, made.json()["gift_card_id"]) == (201, other)
    strange = await api.act("REFUND", **{**back, "amount_minor": 1}, to_gift_card_id="gftc_" + "0" * 32)
    assert strange.status_code == 404


async def test_reminders_are_listed_and_taken_once(api, programme) -> None:
    card = await api.loaded(programme, 100)
    assert (await api.get("/v1/notices")).json() == {"data": [], "next_cursor": None}
    await later(api, 10)
    (due,) = (await api.get("/v1/notices")).json()["data"]
    assert (due["gift_card_id"], due["kind"], due["days"]) == (card, "before_expiry", 1)
    assert due["of"] == (await shown(api, card))["expires_at"]
    taken = await api.post("/v1/notices/take", {"limit": 5}, key="n")
    assert (taken.status_code, taken.json()["data"]) == (201, [due])
    assert (await api.post("/v1/notices/take", {"limit": 5}, key="n")).json() == taken.json()
    assert (await api.post("/v1/notices/take", {})).json() == {"data": []}
    assert (await api.get("/v1/notices")).json()["data"] == []
    assert (await api.post("/v1/notices/take", {"limit": 0})).status_code == 422
