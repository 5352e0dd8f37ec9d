"""A card is closed: what was paid for goes back by the rules of its pack, bonus lapses, and the register says so."""

import asyncio

import pytest

from koudai import cards, ledger
from koudai.base import Refused
from koudai.cards import CardRefusal, FundingSource, PaidTo
from koudai.merchants import Relation
from tests.cards.lives import START, Life, day
from tests.cards.test_law import SPLIT
from tests.holders.conftest import FrontDesk, credit

SAME, PAYER, CASH = PaidTo.SAME_NAME_ACCOUNT, PaidTo.PAYER_ACCOUNT, PaidTo.CASH
BANK = {"paid_to": SAME, "account_ref": "acct-1", "identity_ref": "ann"}


@pytest.fixture
async def life(counter):
    return Life(counter)


async def register(life):
    async with life.counter.db.transaction() as tx:
        return await tx.rows(
            "SELECT card_id, amount_minor, fee_minor, paid_to, account_ref, identity_ref, buyer_ref, reason, made_by"
            " FROM cards.payouts ORDER BY batch_id"
        )


async def kinds(life, name="card", last=4):
    return [(e.type, e.amount_minor) for e in (await life.counter.history(life.ids[name]))[:last]][::-1]


async def test_an_empty_card_is_closed_and_does_nothing_any_more(life):
    await life.open(kind="registered")
    await life.card(holder_ref="ann")
    await life.card("pending", holder_ref="ann", active=False)
    for name in ("card", "pending"):
        made = await life.counter.do(life.do("close", name))
        assert (made.type, made.amount_minor) == ("DEACTIVATE", 0)
        assert (await life.see(name)).state == "DEACTIVATED"
        for verb in ("load", "redeem", "activate", "close", "reactivate"):
            assert await life.told(life.do(verb, name)) == "cards.deactivated", verb
        by = {"reason": "sorry", "made_by": "ann", "approved_by": "bob"}
        adjust = cards.Adjust(key=f"a {name}", card=life.ids[name], amount_minor=1, asset="CNY", increment=True, **by)
        assert await life.told(adjust) == "cards.deactivated"
    assert await register(life) == []
    await life.counter.verify()


async def test_what_was_paid_for_is_paid_out_and_bonus_lapses(life):
    counter = life.counter
    await life.open(kind="registered")
    await life.card(amount=300, holder_ref="ann")
    await counter.do(counter.load(life.ids["card"], 50, source=FundingSource.BONUS))
    command = life.do("close", **BANK)
    made = await counter.do(command)
    assert (made.type, made.amount_minor, made.balance_minor) == ("PAY_OUT", 300, 50)
    assert await kinds(life, last=3) == [("PAY_OUT", 300), ("EXPIRE", 50), ("DEACTIVATE", 0)]
    assert await counter.do(command) == made, "a repeated key answers its first entry"
    assert await register(life) == [
        (life.ids["card"], 300, 0, "same_name_account", "acct-1", "ann", None, "asked for", "clerk")
    ]
    assert (await life.see()).balance_minor == 0
    await counter.verify()


async def test_a_card_without_a_document_is_handed_back_by_plain_rules(life):
    counter = life.counter
    programme = await counter.programme()
    life.ids["card"] = await counter.card(programme, 70)
    assert await counter.no(life.do("close")) == Refused(
        CardRefusal.PAYOUT_MISSING, {"amount_minor": 70, "currency": "CNY"}
    )
    assert await life.told(life.do("close", paid_to=CASH)) == "ok"
    await counter.verify()


@pytest.mark.parametrize(
    ("pack", "kind", "months", "minor", "more", "outcome"),
    [
        # Art. 21: identity, an account of the same name, cash up to 100 yuan.
        ("cn-single-purpose", "registered", 0, 10_001, BANK, "ok"),
        ("cn-single-purpose", "registered", 0, 10_001, {**BANK, "identity_ref": None}, "sp.21.identity"),
        ("cn-single-purpose", "registered", 0, 10_000, {"paid_to": CASH, "identity_ref": "ann"}, "ok"),
        ("cn-single-purpose", "registered", 0, 10_001, {"paid_to": CASH, "identity_ref": "ann"}, "sp.21.cash"),
        ("cn-single-purpose", "bearer", 0, 10_000, {"paid_to": CASH, "identity_ref": "ann"}, "ok"),
        ("cn-single-purpose", "bearer", 0, 50_000, BANK, "ok"),
        ("cn-single-purpose", "bearer", 0, 50_000, {**BANK, "identity_ref": "nobody known"}, "sp.21.identity"),
        # Registered only, after three months, with the holder's and the buyer's paper.
        ("cn-multi-purpose", "registered", 3, 100, {**BANK, "buyer_ref": "ann"}, "ok"),
        ("cn-multi-purpose", "registered", 2, 100, {**BANK, "buyer_ref": "ann"}, "mp.redeem.after"),
        ("cn-multi-purpose", "registered", 3, 100, BANK, "mp.redeem.buyer"),
        ("cn-multi-purpose", "registered", 3, 100, {**BANK, "buyer_ref": "nobody known"}, "cards.other_buyer"),
        ("cn-multi-purpose", "registered", 3, 100, {**BANK, "buyer_ref": "ann", "identity_ref": None}, "mp.redeem.holder"),
        # Who is known to be a person isn't a company because somebody says so.
        ("cn-multi-purpose", "registered", 3, 100, {**BANK, "buyer_ref": "ann", "bought_by_company": True}, "ok"),
        ("cn-multi-purpose", "bearer", 9, 100, {**BANK, "buyer_ref": "ann"}, "mp.redeem.bearer"),
        ("cn-voucher", "bearer", 0, 100, {"paid_to": CASH}, "ok"),
        ("cn-telecom", "registered", 0, 100, BANK, "ok"),
        ("generic", "bearer", 0, 50_000, {"paid_to": CASH}, "ok"),
        ("sandbox", "bearer", 0, 50_000, {"paid_to": CASH}, "ok"),
    ],
)  # fmt: skip
@pytest.mark.clause(
    "sp.21.identity",
    "sp.21.cash",
    "mp.redeem.after",
    "mp.redeem.holder",
    "mp.redeem.buyer",
    "mp.redeem.bearer",
)
async def test_a_card_is_handed_back_as_its_pack_lets_it(life, pack, kind, months, minor, more, outcome):
    classes = {"cn-multi-purpose": "multi_purpose", "cn-telecom": "telecom_topup", "cn-voucher": "fixed_goods_voucher"}
    currency = "EUR" if pack == "generic" else "CNY"
    counter = life.counter
    life.programme, life.shop = await counter.programme(currency), None
    await life.open(
        kind=kind, currency=currency, policy={"pack": pack}, sandbox_only=pack == "sandbox",
        **{"class": classes.get(pack, "single_purpose")},
    )  # fmt: skip
    await counter.enter_gates(life.programme)
    ann = await counter.person()
    await life.card(amount=minor, holder_ref=ann if kind == "registered" else None)
    more = {name: ann if told == "ann" else told for name, told in more.items()}
    month = START.month + months
    await life.until(START.replace(year=START.year + (month - 1) // 12, month=(month - 1) % 12 + 1))
    (made,) = await counter.run(life.do("close", **more))
    assert (made.facts.get("clause", made.code) if isinstance(made, Refused) else "ok") == outcome
    assert (await life.see()).balance_minor == (0 if outcome == "ok" else minor)
    await counter.verify()


@pytest.mark.clause("mp.redeem.company")
async def test_what_a_company_bought_goes_back_to_that_company(life):
    """It is so because that company paid, whatever the request says, and whoever topped up afterwards."""
    counter = life.counter
    desk = FrontDesk(counter.db, counter.keyring, counter.book)
    ann = await counter.person()
    acme = (await desk.do(desk.company(ann, ann, key="acme"))).ref
    await life.open(kind="registered", policy={"pack": "cn-multi-purpose"}, sandbox_only=False,
                    **{"class": "multi_purpose"}, split=SPLIT)  # fmt: skip
    await counter.enter_gates(life.programme)
    await life.card(holder_ref=ann)
    card, known = life.ids["card"], {"account_ref": "acct-1", "identity_ref": ann}
    await counter.do(counter.load(card, 500, source=FundingSource.TRANSFER, payer=acme, buyer=acme))
    await life.until(START.replace(month=START.month + 4))
    await counter.do(counter.load(card, 1, source=FundingSource.TRANSFER))
    await life.split(child=200)
    for name in ("card", "child"):
        table = [
            ({"buyer_ref": ann, "paid_to": SAME}, "cards.other_buyer"),
            ({"buyer_ref": ann, "paid_to": PAYER, "bought_by_company": True}, "cards.other_buyer"),
            ({"buyer_ref": acme, "paid_to": SAME}, "mp.redeem.company"),
            ({"paid_to": PAYER}, "mp.redeem.buyer"),
            ({"buyer_ref": acme, "paid_to": PAYER}, "ok"),
        ]
        for more, outcome in table:
            (closed,) = await counter.run(life.do("close", name, **known, **more))
            told = closed.facts.get("clause", closed.code) if isinstance(closed, Refused) else "ok"
            assert told == outcome, (name, more)
    await counter.verify()


async def test_a_company_that_topped_up_shows_who_it_is_before_it_is_paid(life):
    counter = life.counter
    desk = FrontDesk(counter.db, counter.keyring, counter.book)
    ann, acme = await counter.person(), (await desk.do(desk.company(credit_code=None, key="acme"))).ref
    await life.open(kind="registered", policy={"pack": "cn-multi-purpose"}, sandbox_only=False,
                    **{"class": "multi_purpose"})  # fmt: skip
    await counter.enter_gates(life.programme)
    await life.card(amount=100, holder_ref=ann)
    await life.until(START.replace(month=START.month + 4))
    await counter.do(counter.load(life.ids["card"], 50, source=FundingSource.TRANSFER, payer=acme))
    known = {"account_ref": "acct-1", "identity_ref": ann}
    assert await life.told(life.do("close", **known, paid_to=SAME, buyer_ref=ann)) == "cards.other_buyer"
    refused = await counter.no(life.do("close", **known, paid_to=PAYER, buyer_ref=acme))
    assert refused.facts["clause"] == "mp.redeem.buyer"


async def test_what_only_strangers_topped_up_is_the_holder_s(life):
    counter = life.counter
    ann = await counter.person()
    await life.open(kind="registered", policy={"pack": "cn-multi-purpose"}, sandbox_only=False,
                    **{"class": "multi_purpose"})  # fmt: skip
    await counter.enter_gates(life.programme)
    await life.card(amount=100, holder_ref=ann)
    await life.until(START.replace(month=START.month + 4))
    await counter.do(counter.load(life.ids["card"], 50, source=FundingSource.TRANSFER, payer="stranger"))
    shop = await counter.merchant(relation=Relation.BRAND)
    await counter.do(counter.redeem(life.ids["card"], shop, 100))
    close = {**BANK, "identity_ref": ann}
    assert await life.told(life.do("close", **close, buyer_ref="stranger")) == "cards.other_buyer"
    assert await life.told(life.do("close", **close, buyer_ref=ann)) == "ok"
    await counter.verify()


@pytest.mark.parametrize(
    ("loads", "more", "outcome"),
    [
        ({"source": FundingSource.DEBIT, "may_refund": False}, BANK, CardRefusal.NOT_REFUNDABLE),
        ({"refund_to": "acct-2"}, BANK, CardRefusal.PAYOUT_ELSEWHERE),
        ({"refund_to": "acct-1"}, BANK, None),
        ({"expires_at": day(5)}, BANK, None),
        ({}, {}, CardRefusal.PAYOUT_MISSING),
        ({}, {"paid_to": SAME}, CardRefusal.BAD_TERM),
        ({}, {"paid_to": CASH, "account_ref": "acct-1"}, CardRefusal.BAD_TERM),
        ({}, {**BANK, "identity_ref": "mallory"}, CardRefusal.OTHER_HOLDER),
        ({}, {**BANK, "reason": " "}, CardRefusal.REASON_MISSING),
        ({}, {**BANK, "made_by": ""}, CardRefusal.REASON_MISSING),
    ],
)  # fmt: skip
async def test_what_may_be_paid_out_goes_by_where_it_came_from(life, loads, more, outcome):
    counter = life.counter
    await life.open(kind="registered")
    await life.card(holder_ref="ann")
    await counter.do(counter.load(life.ids["card"], 40, **loads))
    await life.until(day(9))
    (made,) = await counter.run(life.do("close", **more))
    assert (made.code if isinstance(made, Refused) else None) == outcome
    assert len(await register(life)) == (outcome is None)
    await counter.verify()


@pytest.mark.parametrize(
    ("fee_bps", "entries"),
    [
        (0, [("PAY_OUT", 999), ("DEACTIVATE", 0)]),
        (150, [("PAY_OUT", 985), ("FEE", 14), ("DEACTIVATE", 0)]),
        (10_000, [("FEE", 999), ("DEACTIVATE", 0)]),
    ],
)
async def test_where_a_document_offers_withdrawals_their_fee_is_kept_rounded_down(life, fee_bps, entries):
    counter = life.counter
    await life.open(policy={"pack": "sandbox"}, sandbox_only=True, withdrawal={"fee_bps": fee_bps})
    await life.card(amount=600)
    await counter.do(counter.load(life.ids["card"], 399, source=FundingSource.DEBIT))
    await counter.do(life.do("close", paid_to=CASH))
    assert await kinds(life, last=len(entries)) == entries
    ((_, amount, fee, *_),) = await register(life)
    assert (amount, fee) == (999, 999 * fee_bps // 10_000)
    await counter.verify()


@pytest.mark.clause("cn.refund_fee")
async def test_under_a_chinese_pack_no_fee_is_kept_whatever_the_document_says(life):
    """It isn't launched (cn.withdrawal); where it was put all the same, a card is handed back whole (cn.refund_fee)."""
    await life.open(policy={"pack": "cn-single-purpose"}, withdrawal={"fee_bps": 9_000})
    await life.card(amount=900)
    bob = await life.counter.person()
    await life.counter.do(life.do("close", paid_to=CASH, identity_ref=bob))
    assert await kinds(life, last=2) == [("PAY_OUT", 900), ("DEACTIVATE", 0)]
    ((_, amount, fee, *_),) = await register(life)
    assert (amount, fee) == (900, 0)
    await life.counter.verify()


async def test_an_expired_card_pays_out_what_it_holds(life):
    await life.open({"days": 10, "reactivation_days": 0})
    await life.card(amount=80)
    await life.until(day(11))
    assert await life.told(life.do("redeem")) == "cards.expired_over"
    assert await life.told(life.do("close", paid_to=CASH, identity_ref="bob")) == "ok"
    await life.counter.verify()


async def test_a_card_that_is_stopped_or_has_holds_is_not_closed(life):
    await life.open()
    await life.card(amount=80)
    hold = await life.counter.do(life.do("authorise"))
    assert await life.told(life.do("close", paid_to=CASH)) == "cards.has_holds"
    await life.counter.do(cards.Void(key="v", hold=hold.place), life.counter.block(life.ids["card"]))
    assert await life.told(life.do("close", paid_to=CASH)) == "cards.blocked"


async def test_of_a_closing_and_redemptions_at_once_nothing_is_paid_twice(life):
    counter = life.counter
    await life.open()
    for n in range(4):
        await life.card(f"card {n}", 10)
    await asyncio.gather(*(
        life.told(life.do(verb, f"card {n}", **more))
        for n in range(4)
        for verb, more in (("redeem", {}), ("close", {"paid_to": CASH, "identity_ref": "bob"}), ("redeem", {}), ("close", {"paid_to": CASH, "identity_ref": "x"}))
    ))  # fmt: skip
    for n in range(4):
        history = await counter.history(life.ids[f"card {n}"])
        assert [e.type for e in history].count("PAY_OUT") == 1
        assert sum(e.amount_minor for e in history if e.type in ("PAY_OUT", "REDEEM")) == 10
        assert history[0].type == "DEACTIVATE"
    await counter.verify()


async def test_a_batch_of_closings_ends_as_one_by_one(life):
    counter = life.counter
    await life.open(policy={"pack": "cn-single-purpose"})
    ann = await counter.person()
    for name in ("together", "alone"):
        await life.card(name, 10)
    told = {
        name: [life.do("redeem", name), life.do("close", name, paid_to=CASH), life.do("close", name, paid_to=CASH, identity_ref=ann),
               life.do("redeem", name), life.do("close", name)]
        for name in life.ids
    }  # fmt: skip
    together = [str(getattr(o, "code", "ok")) for o in await counter.run(*told["together"])]
    alone = [await life.told(command) for command in told["alone"]]
    assert together == alone == ["ok", "policy.required", "ok", "cards.deactivated", "cards.deactivated"]
    assert await kinds(life, "together", 9) == await kinds(life, "alone", 9)
    await counter.verify()


@pytest.mark.clause("sp.21.cash")
async def test_cash_goes_by_all_cards_of_a_root_whenever_they_are_handed_back(life):
    """100 yuan in cash (Art. 21) aren't made more of by a split."""
    counter = life.counter
    await life.open(kind="registered", policy={"pack": "cn-single-purpose"}, sandbox_only=False, split=SPLIT)
    await counter.enter_gates(life.programme)
    ann = await counter.person()
    await life.card(amount=30_000, holder_ref=ann)
    card, told = life.ids["card"], {"paid_to": CASH, "identity_ref": ann}

    async def cashed(name):
        (made,) = await counter.run(life.do("close", name, **told))
        return made.facts.get("clause", made.code) if isinstance(made, Refused) else made.amount_minor

    await life.split(big=6_000, one=5_000, two=5_000)
    assert [await cashed(name) for name in ("one", "big", "card")] == ["sp.21.cash"] * 3
    # What was spent meanwhile is gone; what is left of all of them is what is handed back.
    await counter.do(counter.redeem(card, life.shop, 14_000), counter.redeem(life.ids["big"], life.shop, 6_000))
    assert await cashed("one") == 5_000
    assert await cashed("two") == 5_000
    await counter.do(counter.load(card, 1, source=FundingSource.TRANSFER))
    assert await cashed("card") == "sp.21.cash", "what was paid out before counts"
    assert await life.told(life.do("close", **{**BANK, "identity_ref": ann})) == "ok"
    await counter.verify()


@pytest.mark.parametrize("together", [True, False])
async def test_two_desks_pay_no_more_cash_of_a_root_than_one(life, together):
    counter = life.counter
    await life.open(kind="registered", policy={"pack": "cn-single-purpose"}, sandbox_only=False, split=SPLIT)
    await counter.enter_gates(life.programme)
    ann = await counter.person()
    await life.card(amount=10_000, holder_ref=ann)
    told = {"paid_to": CASH, "identity_ref": ann}
    await life.split(piece=5_000)
    closings = [life.do("close", name, **told) for name in ("card", "piece")]
    if together:
        assert not any(isinstance(one, Refused) for one in await counter.run(*closings))
    else:
        outcomes = await asyncio.gather(*(counter.run(one) for one in closings))
        assert not any(isinstance(one, Refused) for (one,) in outcomes)
    await counter.verify()


async def test_a_fen_that_somebody_sent_blocks_no_pay_out_and_leads_it_nowhere_else(life):
    counter = life.counter
    gift = {"claim_days": 3}
    await life.open(kind="registered", policy={"pack": "cn-single-purpose"}, sandbox_only=False, gift=gift, split=SPLIT)
    await counter.enter_gates(life.programme)
    ann, bob = await counter.person("123"), await counter.person("456")
    await life.card("hers", 480_000, holder_ref=ann)
    await life.card("his", holder_ref=bob)
    card, his = life.ids["hers"], life.ids["his"]
    await counter.do(
        counter.load(his, 1, source=FundingSource.TRANSFER, refund_to="acct-bob"),
        counter.load(his, 2, source=FundingSource.TRANSFER, may_refund=False),
    )
    sent = cards.Transfer(key="t", card=his, to_card=card, asset="CNY", purpose=cards.Purpose.GIFT)
    await counter.do(sent)
    hers = {"paid_to": SAME, "account_ref": "acct-ann", "identity_ref": ann}
    assert await life.told(life.do("close", "hers", **hers)) == "cards.not_refundable"
    paid = await counter.do(life.do("close", "hers", **hers, partial=True))
    assert (paid.type, paid.amount_minor, paid.balance_minor) == ("PAY_OUT", 480_000, 3)
    again = life.do("close", "hers", **hers, partial=True)
    assert await life.told(again) == "cards.not_refundable", "nothing is left that goes there"
    to_bob = {"paid_to": SAME, "account_ref": "acct-bob", "identity_ref": ann, "partial": True}
    paid = await counter.do(life.do("close", "hers", **to_bob))
    assert (paid.amount_minor, paid.balance_minor) == (1, 2)
    await counter.do(counter.redeem(card, life.shop, 2))
    (ended,) = await counter.run(life.do("close", "hers"))
    assert ended.type == "DEACTIVATE", "what may not be paid out was spent"
    assert [(row[1], row[5]) for row in await register(life)] == [(480_000, ann), (1, ann)]
    await counter.verify()


@pytest.mark.parametrize("together", [True, False])
async def test_what_several_companies_bought_goes_back_to_each_of_them(life, together):
    counter = life.counter
    desk = FrontDesk(counter.db, counter.keyring, counter.book)
    ann = await counter.person()
    acme = (await desk.do(desk.company(ann, ann, key="acme"))).ref
    beta = (await desk.do(desk.company(ann, ann, key="beta", credit_code=credit("91310000MA1FL0000")))).ref
    await life.open(kind="registered", policy={"pack": "cn-multi-purpose"}, sandbox_only=False,
                    **{"class": "multi_purpose"})  # fmt: skip
    await counter.enter_gates(life.programme)
    await life.card(holder_ref=ann)
    card, known = life.ids["card"], {"paid_to": PAYER, "account_ref": "acct-1", "identity_ref": ann}
    for payer, minor in ((acme, 300), (beta, 500)):
        await counter.do(counter.load(card, minor, source=FundingSource.TRANSFER, payer=payer, buyer=payer))
    await counter.do(counter.load(card, 20, source=FundingSource.TRANSFER))
    await life.until(START.replace(month=START.month + 4))
    for buyer in (acme, beta, ann):
        assert await life.told(life.do("close", **known, buyer_ref=buyer)) == "cards.other_buyer"
    own = {"paid_to": SAME, "account_ref": "acct-ann", "identity_ref": ann, "buyer_ref": ann}
    closings = [
        life.do("close", **known, buyer_ref=acme, partial=True), life.do("close", **own, partial=True),
        life.do("close", **known, buyer_ref=beta, partial=True),
    ]  # fmt: skip
    outcomes = []
    for part in [closings] if together else [[one] for one in closings]:
        outcomes += await counter.run(*part)
    assert [(one.type, one.amount_minor) for one in outcomes] == [("PAY_OUT", 300), ("PAY_OUT", 20), ("PAY_OUT", 500)]
    assert (await life.see()).state is cards.CardState.DEACTIVATED
    await counter.verify()


@pytest.mark.clause("mp.redeem.after")
@pytest.mark.parametrize(
    ("how", "outcome"),
    [
        ("bought then", "ok"),
        ("bought then, topped up now", "ok"),
        ("bought then, all spent, topped up now", "ok"),
        ("bought then, replaced now", "ok"),
        ("bought then, split now", "ok"),
        ("empty then, bought now", "mp.redeem.after"),
        ("empty then, a bonus then, bought now", "mp.redeem.after"),
        ("empty then, moved there from one bought now", "mp.redeem.after"),
        ("empty then, refunded there from one bought now", "mp.redeem.after"),
        ("empty then, bought and closed in one batch", "mp.redeem.after"),
    ],
)
async def test_three_months_are_those_since_the_purchase_whichever_card_it_was_on(life, how, outcome):
    counter = life.counter
    await life.open(kind="registered", policy={"pack": "cn-multi-purpose"}, sandbox_only=False,
                    **{"class": "multi_purpose"}, split=SPLIT, gift={"claim_days": 3})  # fmt: skip
    await counter.enter_gates(life.programme)
    ann = await counter.person()
    for name in ("card", "other"):
        await life.card(name, holder_ref=ann)
    card, other = life.ids["card"], life.ids["other"]

    def load(to, minor=500, **more):
        return counter.load(to, minor, **{"source": FundingSource.TRANSFER, **more})

    if how.startswith("bought then"):
        await counter.do(load(card))
    if "a bonus then" in how:
        await counter.do(load(card, source=FundingSource.BONUS))
    if "all spent" in how:
        await counter.do(counter.redeem(card, life.shop, 500))
    await life.until(START.replace(month=START.month + 4))
    close = {**BANK, "identity_ref": ann, "buyer_ref": ann}
    if how.endswith(("topped up now", ", bought now")):
        await counter.do(load(card))
    elif "moved" in how:
        await counter.do(load(other))
        await counter.do(cards.Transfer(key="t", card=other, to_card=card, asset="CNY", purpose=cards.Purpose.GIFT))
    elif "refunded" in how:
        await counter.do(load(other))
        paid = await counter.do(counter.redeem(other, life.shop, 500))
        await counter.do(life.do("close", "other"))
        await counter.do(counter.refund(500, of=paid, to_card=card))
    elif "one batch" in how:
        _, closed = await counter.run(load(card), life.do("close", **close))
        assert closed.facts["clause"] == outcome
        return
    elif how.endswith("now"):
        wish = (
            cards.Replace(key="n", card=card, reason="damaged") if "replaced" in how
            else cards.Split(key="n", card=card, pieces=(200,), asset="CNY")
        )  # fmt: skip
        (made,) = await counter.within(lambda tx: cards.run(tx, counter.book, [wish], counter.keyring))
        life.ids["card"] = made.cards[0].card.id
    (closed,) = await counter.run(life.do("close", **close))
    assert (closed.facts.get("clause", closed.code) if isinstance(closed, Refused) else "ok") == outcome
    await counter.verify()


async def test_while_an_alarm_is_open_nothing_is_paid_out(life, site):
    """What a verification found stops pay-outs until somebody has looked into it; an empty card ends all the same."""
    counter = life.counter
    await life.open(kind="registered")
    await life.card("full", 100, holder_ref="ann")
    await life.card("empty", holder_ref="ann")
    site.change(
        "INSERT INTO ledger.alarms (check_name, found, first_row) VALUES ('ledger.account_balance', 1, 'accounts 7')"
    )
    assert await life.told(life.do("close", "full", **BANK)) == "cards.payouts_stopped"
    assert await life.told(life.do("close", "empty")) == "ok"
    (alarm,) = await counter.within(ledger.open_alarms)
    await counter.within(lambda tx: ledger.clear_alarm(tx, alarm.id, "wu", "looked into"))
    assert await life.told(life.do("close", "full", **BANK)) == "ok"
    await counter.verify()
