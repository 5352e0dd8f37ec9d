"""TRANSFER, ADJUST, EXPIRE, RENEW, and what a LOAD says of its value, over HTTP."""

import pytest

from koudai.identity import Scope

pytestmark = pytest.mark.anyio

NOBODY = "gftc_" + "0" * 32


@pytest.fixture
async def cards(api):
    """A card with 100.00 on it and an empty one."""
    programme = await api.programme()
    return await api.loaded(programme, 10_000), (await api.card(programme))["id"]


async def shown(api, card) -> dict:
    return (await api.get(f"/v1/gift_cards/{card}")).json()


async def load(api, card, amount, **more):
    return await api.act(
        "LOAD", **{"gift_card_id": card, "amount_minor": amount, "currency": "CNY", "source": "cash", **more}
    )


async def transfer(api, cards, purpose="gift", **more):
    source, target = cards
    return await api.act(
        "TRANSFER", gift_card_id=source, to_gift_card_id=target, purpose=purpose, currency="CNY", **more
    )


async def test_a_gift_goes_to_another_card(api, cards) -> None:
    source, target = cards
    gave = await transfer(api, cards, amount_minor=3_000, key="t", device="phone")
    assert gave.status_code == 201, gave.text
    told = gave.json()
    assert (told["type"], told["gift_card_id"], told["other_gift_card_id"], told["balance_minor"]) == (
        "TRANSFER_BALANCE_FROM", source, target, 7_000,
    )  # fmt: skip
    assert (await transfer(api, cards, amount_minor=3_000, key="t", device="phone")).json() == told
    other = await transfer(api, (source, source), amount_minor=3_000, key="t", device="phone")
    assert (other.status_code, other.json()["facts"]) == (422, {"field": "to_gift_card_id"})
    other = await transfer(api, cards, "sale", amount_minor=3_000, key="t")
    assert other.json()["facts"] == {"field": "purpose"}
    (came, *_) = (await api.get(f"/v1/gift_card_activities?gift_card_id={target}")).json()["data"]
    assert (came["type"], came["other_gift_card_id"], came["amount_minor"]) == ("TRANSFER_BALANCE_TO", source, 3_000)
    rest = await transfer(api, cards)
    assert (rest.json()["amount_minor"], rest.json()["balance_minor"]) == (7_000, 0)


async def test_a_card_is_split_into_new_ones(api, cards) -> None:
    source, _ = cards

    async def split(key="s", **body):
        wish = {"amounts_minor": [2_000, 3_000], "currency": "CNY", **body}
        return await api.post(f"/v1/gift_cards/{source}/split", wish, key=key)

    told = await split()
    assert told.status_code == 201, told.text
    made = told.json()
    assert (made["activity"]["type"], made["activity"]["amount_minor"], made["activity"]["balance_minor"]) == (
        "TRANSFER_BALANCE_FROM", 5_000, 5_000,
    )  # fmt: skip
    assert "other_gift_card_id" not in made["activity"]
    assert [(c["balance"]["amount_minor"], c["parent_id"], c["root_id"], len(c["gan"])) for c in made["gift_cards"]] == [
        (2_000, source, source, 19), (3_000, source, source, 19),
    ]  # fmt: skip
    assert (await split()).json() == made
    first = made["gift_cards"][0]
    family = (await api.get(f"/v1/gift_cards/{first['id']}/family?limit=1")).json()
    rest = (await api.get(f"/v1/gift_cards/{source}/family?cursor={family['next_cursor']}")).json()
    assert [c["id"] for c in family["data"] + rest["data"]] == [c["id"] for c in made["gift_cards"]]
    assert {k: v for k, v in first.items() if k != "gan"} == family["data"][0]
    other = await split(amounts_minor=[1])
    assert (other.status_code, other.json()["facts"]) == (422, {"field": "amounts_minor"})
    poor = await split("more", amounts_minor=[5_001])
    assert (poor.status_code, poor.json()["code"]) == (409, "cards.insufficient_balance")
    for bad in ([], [0], [1] * 101, ["1"], 1):
        assert (await split("bad", amounts_minor=bad)).status_code == 422
    assert (await api.get(f"/v1/gift_cards/{NOBODY}/family")).status_code == 404


async def test_why_a_transfer_is_refused(api, cards) -> None:
    source, target = cards
    same = await transfer(api, (source, source), amount_minor=1)
    assert (same.status_code, same.json()["code"]) == (422, "cards.same_card")
    assert (await transfer(api, (source, NOBODY))).json()["code"] == "cards.unknown_card"
    assert (await transfer(api, cards, amount_minor=10_001)).json()["code"] == "cards.insufficient_balance"
    await load(api, target, 500, source="credit")
    not_for_sale = await transfer(api, (target, source), "sale")
    assert (not_for_sale.status_code, not_for_sale.json()["code"]) == (409, "cards.not_transferable")
    assert not_for_sale.json()["facts"]["transferable_minor"] == 0
    for gone in ("split", "replacement"):
        assert (await transfer(api, cards, gone, amount_minor=1)).status_code == 422


async def test_what_a_load_says_of_its_value(api, cards) -> None:
    _, card = cards
    more = {"payer": "p-1", "refund_to": "account 7", "may_pass": False, "may_sell": True, "may_refund": False}
    loaded = await load(api, card, 100, key="l", expires_at="2999-01-01T08:00:00+08:00", device="kiosk", **more)
    assert loaded.status_code == 201, loaded.text
    again = await load(api, card, 100, key="l", expires_at="2999-01-01T00:00:00Z", device="kiosk", **more)
    assert again.json() == loaded.json()
    other = await load(api, card, 100, key="l", expires_at="2999-01-01T00:00:00Z", device="kiosk")
    assert (other.status_code, other.json()["facts"]["field"]) == (422, "payer")
    kept = await transfer(api, (card, cards[0]), "gift")
    assert kept.json()["code"] == "cards.not_transferable"
    assert (await transfer(api, (card, cards[0]), "sale")).json()["amount_minor"] == 100
    past = await load(api, card, 100, expires_at="2001-01-01T00:00:00Z")
    assert (past.status_code, past.json()["code"], past.json()["facts"]) == (
        422, "cards.bad_term", {"field": "expires_at"},
    )  # fmt: skip


async def test_value_expires_and_lasts_longer(api, cards) -> None:
    _, card = cards
    nothing = await api.act("EXPIRE", gift_card_id=card)
    assert (nothing.status_code, nothing.json()["code"]) == (409, "cards.nothing_expired")
    lasting = await api.act("RENEW", gift_card_id=card, expires_at="2999-01-01T00:00:00Z")
    assert (lasting.status_code, lasting.json()["code"]) == (409, "cards.nothing_to_renew")
    await load(api, card, 300, expires_at="2101-01-01T00:00:00Z", payer="one")
    await load(api, card, 200, expires_at="2102-01-01T00:00:00Z", payer="two")
    renewed = await api.act("RENEW", gift_card_id=card, expires_at="2101-06-01T08:00:00+08:00", key="r")
    assert (renewed.status_code, renewed.json()["amount_minor"], renewed.json()["balance_minor"]) == (201, 300, 500)
    again = await api.act("RENEW", gift_card_id=card, expires_at="2101-06-01T00:00:00Z", key="r")
    assert again.json() == renewed.json()
    past = await api.act("RENEW", gift_card_id=card, expires_at="2001-01-01T00:00:00Z")
    assert past.json()["facts"] == {"field": "expires_at"}

    await api.post("/v1/test_clock/advance", {"to": "2101-06-01T00:00:00Z"})
    told = await shown(api, card)
    assert (told["balance"]["amount_minor"], told["held_minor"], told["available_minor"]) == (500, 0, 200)
    gone = await api.act("EXPIRE", gift_card_id=card, key="e")
    assert (gone.json()["type"], gone.json()["amount_minor"], gone.json()["balance_minor"]) == ("EXPIRE", 300, 200)
    assert (await api.act("EXPIRE", gift_card_id=card, key="e")).json() == gone.json()


async def test_a_correction_says_why_and_who(api, cards, new_key) -> None:
    card, _ = cards
    wish = {"gift_card_id": card, "amount_minor": 500, "currency": "CNY", "reason": "Charged twice 重复扣款"}
    history = (await api.get(f"/v1/gift_card_activities?gift_card_id={card}")).json()["data"]
    up = await api.act("ADJUST_INCREMENT", **wish, approved_by="Li Na", corrects_id=history[0]["id"], key="up")
    assert up.status_code == 201, up.text
    assert (up.json()["type"], up.json()["balance_minor"], up.json()["source"]) == (
        "ADJUST_INCREMENT", 10_500, "company",
    )  # fmt: skip
    again = await api.act("ADJUST_INCREMENT", **wish, approved_by="Li Na", corrects_id=history[0]["id"], key="up")
    assert again.json() == up.json()
    other = await api.act("ADJUST_DECREMENT", **wish, approved_by="Li Na", corrects_id=history[0]["id"], key="up")
    assert (other.status_code, other.json()["facts"]) == (422, {"field": "type"})
    down = await api.act("ADJUST_DECREMENT", **wish)
    assert (down.status_code, down.json()["balance_minor"]) == (201, 10_000)
    too_much = await api.act("ADJUST_DECREMENT", **{**wish, "amount_minor": 10_001})
    assert (too_much.status_code, too_much.json()["code"]) == (409, "cards.insufficient_balance")

    blank = await api.act("ADJUST_DECREMENT", **{**wish, "reason": "  "})
    assert (blank.status_code, blank.json()["code"]) == (422, "cards.reason_missing")
    alone = await api.act("ADJUST_INCREMENT", **wish, approved_by=" ")
    assert (alone.status_code, alone.json()["code"]) == (422, "cards.second_person_missing")
    key = await new_key(scopes=(Scope.CARDS_ADJUST,))
    myself = await api.act("ADJUST_INCREMENT", **wish, approved_by=key.id, token=key.token)
    assert myself.json()["code"] == "cards.unknown_card", "another issuer's card"
    for wrong in (NOBODY, "gact_" + "0" * 32, (await load(api, cards[1], 1)).json()["id"]):
        entry = await api.act("ADJUST_DECREMENT", **wish, corrects_id=wrong)
        assert (entry.status_code, entry.json()["facts"]) == (404, {"field": "corrects_id"})


async def test_who_asks_does_not_approve(api, cards) -> None:
    own = api.token.removeprefix("kd_test_")[:16]
    wish = {"gift_card_id": cards[0], "amount_minor": 5, "currency": "CNY", "reason": "r"}
    myself = await api.act("ADJUST_INCREMENT", **wish, approved_by=own)
    assert (myself.status_code, myself.json()["code"]) == (422, "cards.second_person_missing")


async def test_the_correction_is_kept_with_its_people(api, cards, instance) -> None:
    wish = {"gift_card_id": cards[0], "amount_minor": 5, "currency": "CNY", "reason": "rounding"}
    assert (await api.act("ADJUST_INCREMENT", **wish, approved_by="Li Na")).status_code == 201
    async with instance.db.transaction() as tx:
        rows = await tx.rows(
            "SELECT made_by, approved_by FROM ledger.corrections WHERE reason = 'rounding' ORDER BY batch_id DESC LIMIT 1"
        )
    assert rows == [(api.token.removeprefix("kd_test_")[:16], "Li Na")]
