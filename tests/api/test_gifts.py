"""Cards are replaced and given over HTTP: what is answered, to whom, and what it doesn't tell."""

from datetime import timedelta

import anyio
import pytest

from koudai.api import chores
from tests.api.test_pins import drawn_qr, scanned

pytestmark = pytest.mark.anyio

NOBODY = "gift_" + "0" * 32
MINE = {"greeting": "Happy birthday", "from_name": "Grandma", "face": "peony"}


@pytest.fixture
async def card(api):
    return await api.loaded(await api.programme(), 10_000)


async def give(api, card, key=None, **more):
    return await api.post(f"/v1/gift_cards/{card}/gifts", {**MINE, **more}, key=key)


async def claim(api, gift, token, key=None, **more):
    return await api.post(f"/v1/gifts/{gift}/claim", {"token": token, **more}, key=key)


async def test_a_card_is_replaced(api) -> None:
    programme, merchant = await api.programme(), await api.merchant()
    issued = await api.card(programme)
    old = issued["id"]
    await api.act("LOAD", gift_card_id=old, amount_minor=10_000, currency="CNY", source="cash")
    pay = {"merchant_id": merchant, "amount_minor": 1_000, "currency": "CNY"}
    paid = (await api.act("REDEEM", gift_card_id=old, **pay)).json()
    await api.act("BLOCK", gift_card_id=old)
    told = await api.post(f"/v1/gift_cards/{old}/replace", {"reason": "lost"}, key="r")
    assert told.status_code == 201, told.text
    made = told.json()
    new = made["gift_card"]
    assert (made["activity"]["type"], made["activity"]["amount_minor"]) == ("TRANSFER_BALANCE_FROM", 9_000)
    assert (new["balance"]["amount_minor"], new["parent_id"], len(new["gan"])) == (9_000, old, 19)
    assert (await api.post(f"/v1/gift_cards/{old}/replace", {"reason": "lost"}, key="r")).json() == made
    other = await api.post(f"/v1/gift_cards/{old}/replace", {"reason": "stolen"}, key="r")
    assert (other.status_code, other.json()["facts"]) == (422, {"field": "reason"})
    gone = (await api.get(f"/v1/gift_cards/{old}")).json()
    assert (gone["state"], gone["successor_id"]) == ("DEACTIVATED", new["id"])
    refused = await api.act("REDEEM", gan=issued["gan"], **pay)
    assert (refused.status_code, refused.json()["code"]) == (409, "cards.replaced")
    assert new["id"] not in refused.text
    assert "successor_id" not in (await api.post("/v1/gift_cards/from_gan", {"gan": issued["gan"]})).json()
    back = await api.act("REFUND", redemption_id=paid["id"], amount_minor=1_000, currency="CNY")
    assert (back.json()["gift_card_id"], back.json()["balance_minor"]) == (new["id"], 10_000)


async def test_gifts_are_listed_as_their_givers_see_them(api) -> None:
    programme = await api.programme()
    given = [(await give(api, await api.loaded(programme, 100))).json() for _ in range(3)]
    secret = ("token", "path")
    told = [{name: value for name, value in one.items() if name not in secret} for one in given]
    first = (await api.get("/v1/gifts?limit=2")).json()
    assert first["data"] == told[:2]
    last = (await api.get(f"/v1/gifts?limit=2&cursor={first['next_cursor']}")).json()
    assert last == {"data": told[2:], "next_cursor": None}
    assert (await claim(api, given[0]["id"], given[0]["token"])).status_code == 201
    assert [one["state"] for one in (await api.get("/v1/gifts")).json()["data"]] == ["CLAIMED", "OFFERED", "OFFERED"]


async def test_a_gift_is_given_and_claimed(api, card) -> None:
    told = await give(api, card, "g")
    assert told.status_code == 201, told.text
    given = told.json()
    assert given["path"] == f"/g/{given['id']}#{given['token']}"
    assert (given["state"], given["greeting"], given["from_name"], given["face"]) == ("OFFERED", *MINE.values())
    assert (await give(api, card, "g")).json() == given
    shown = (await api.get(f"/v1/gifts/{given['id']}")).json()
    assert shown == {name: value for name, value in given.items() if name not in ("token", "path")}
    merchant = await api.merchant()
    pay = {"gift_card_id": card, "merchant_id": merchant, "amount_minor": 1, "currency": "CNY"}
    refused = await api.act("REDEEM", **pay)
    assert (refused.status_code, refused.json()["code"]) == (409, "cards.gift_pending")
    wrong = await claim(api, given["id"], "x")
    assert (wrong.status_code, wrong.json()["facts"]) == (403, {"left_count": 4})
    told = await claim(api, given["id"], given["token"], "c")
    assert told.status_code == 201, told.text
    made = told.json()
    assert {name: made[name] for name in MINE} == MINE
    assert (made["gift_card"]["balance"]["amount_minor"], len(made["gift_card"]["gan"])) == (10_000, 19)
    assert card not in told.text, "of the giver's card nothing is told"
    assert (await claim(api, given["id"], given["token"], "c")).json() == made
    again = await claim(api, given["id"], given["token"])
    assert (again.status_code, again.json()["code"]) == (409, "cards.gift_ended")
    shown = await api.get(f"/v1/gifts/{given['id']}")
    assert shown.json()["state"] == "CLAIMED"
    assert made["gift_card"]["id"] not in shown.text, "not who claimed it"


async def test_what_a_giver_wrote_is_told_to_him_and_erased_when_he_asks(api) -> None:
    ref = (await api.post("/v1/holders", {"kind": "person", "phone": "13800005678"})).json()["id"]
    card = (await api.card(await api.programme(), holder_ref=ref))["id"]
    await api.act("LOAD", gift_card_id=card, amount_minor=100, currency="CNY", source="cash")
    given = (await give(api, card, "g")).json()
    (told,) = (await api.get(f"/v1/holders/{ref}/export")).json()["holder"]["gifts_given"]
    assert {name: told[name] for name in ("id", "gift_card_id", "state", *MINE)} == {
        "id": given["id"], "gift_card_id": card, "state": "OFFERED", **MINE
    }  # fmt: skip
    report = (await api.get("/v1/privacy/report")).json()["fields"]
    assert [(row["field"], row["count"]) for row in report] == [("phone", 1), ("gift_words", 1)]
    made = (await api.post(f"/v1/holders/{ref}/erasure", {}, key="e")).json()
    assert (made["fields"], list(made["kept"])) == (["gift_words"], ["phone"])
    assert (await api.post(f"/v1/holders/{ref}/erasure", {}, key="e")).json() == made
    assert (await api.post(f"/v1/holders/{ref}/erasure", {})).json()["code"] == "holders.relation_stands"
    shown = (await api.get(f"/v1/gifts/{given['id']}")).json()
    assert [shown[name] for name in ("state", *MINE)] == ["OFFERED", None, None, MINE["face"]]
    told = (await api.get(f"/v1/holders/{ref}/export")).json()["holder"]
    assert [(g["greeting"], g["from_name"]) for g in told["gifts_given"]] == [(None, None)]
    assert [one["fields"] for one in told["erasures"]] == [["gift_words"]]


async def test_a_server_forgets_the_words_of_gifts_that_have_ended(instance, opened, monkeypatch) -> None:
    monkeypatch.setattr(chores, "PURGE_EVERY_S", 0.05)
    monkeypatch.setattr("koudai.cards.gifts.forget.WORDS_KEPT", -timedelta(hours=1))
    async with opened(instance) as api:
        programme = await api.programme()
        waits, ended = [(await give(api, await api.loaded(programme, 10))).json()["id"] for _ in range(2)]
        await api.post(f"/v1/gifts/{ended}/withdraw", None)
        for _ in range(200):
            if (shown := (await api.get(f"/v1/gifts/{ended}")).json())["greeting"] is None:
                break
            await anyio.sleep(0.05)
        assert (shown["greeting"], shown["from_name"], shown["state"]) == (None, None, "WITHDRAWN")
        assert (await api.get(f"/v1/gifts/{waits}")).json()["greeting"] == MINE["greeting"]


async def test_a_gift_is_taken_back(api, card) -> None:
    given = (await give(api, card)).json()
    told = await api.post(f"/v1/gifts/{given['id']}/withdraw", None, key="w")
    assert (told.status_code, told.json()["type"], told.json()["gift_card_id"]) == (201, "GIFT_RETURN", card)
    assert (await api.post(f"/v1/gifts/{given['id']}/withdraw", None, key="w")).json() == told.json()
    assert (await claim(api, given["id"], given["token"])).json()["facts"] == {"state": "WITHDRAWN"}


async def test_gifts_that_are_not_there_and_bodies_that_mean_none(api, card) -> None:
    assert (await api.get(f"/v1/gifts/{NOBODY}")).status_code == 404
    assert (await claim(api, NOBODY, "t")).json()["code"] == "cards.unknown_gift"
    assert (await api.post(f"/v1/gifts/{NOBODY}/withdraw", None)).json()["code"] == "cards.unknown_gift"
    for bad in ({"greeting": "g" * 201}, {"greeting": ""}, {"deliver_at": "tomorrow"}, {"to": "bob"}):
        assert (await give(api, card, **bad)).status_code == 422, bad
    late = await give(api, card, deliver_at="2001-01-01T00:00:00Z")
    assert (late.status_code, late.json()["facts"]) == (422, {"field": "deliver_at"})
    await give(api, card, "g")
    other = await give(api, card, "g", greeting="Other")
    assert (other.status_code, other.json()["facts"]) == (422, {"field": "greeting"})


async def test_the_link_is_told_whole_and_drawn_where_the_claim_page_is_told(api, card) -> None:
    told = (await give(api, card, "g", link_base="https://gifts.example.org")).json()
    assert told["link"] == f"https://gifts.example.org/g/{told['id']}#{told['token']}"
    assert scanned(drawn_qr(told["link_qr_svg"])) == [("QR Code", told["link"])]
    again = (await give(api, card, "g")).json()
    assert (again["path"], "link" in again) == (told["path"], False), "where the page is is no part of the gift"
    for base in ("http://gifts.example.org", "https://gifts.example.org/", "https://a b", "gifts"):
        bad = await give(api, card, link_base=base)
        assert (bad.status_code, bad.json()["errors"][0]["field"]) == (422, "link_base"), base


async def test_what_was_answered_under_a_key_names_the_gift_and_the_new_cards(api) -> None:
    """Who lost the answer finds what was made by the key: all but what is told once."""
    card = await api.loaded(await api.programme(), 10_000)
    split = (
        await api.post(f"/v1/gift_cards/{card}/split", {"amounts_minor": [10, 20], "currency": "CNY"}, key="s")
    ).json()
    told = (await api.get("/v1/idempotency_keys/s")).json()
    assert told["gift_card_ids"] == [one["id"] for one in split["gift_cards"]]
    assert told["activity"] == split["activity"]
    given = (await give(api, card, "g")).json()
    told = (await api.get("/v1/idempotency_keys/g")).json()
    assert (told["status"], told["gift_id"], told["activity"]["type"]) == ("accepted", given["id"], "GIFT_OFFER")
    assert given["token"] not in str(told)
    made = (await claim(api, given["id"], given["token"], "c")).json()
    told = (await api.get("/v1/idempotency_keys/c")).json()
    assert made["gift_card"]["id"] in str(told)
    assert made["gift_card"]["gan"] not in str(told)
