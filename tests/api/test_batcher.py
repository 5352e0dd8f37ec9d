"""The batcher: a bug fails its own command only, a crowd is turned away, a caller who goes cancels nothing."""

import asyncio

import pytest

from koudai import cards
from koudai.api import batcher as module
from koudai.base import Fault
from koudai.pg import Conflict, PgFault, Tx

pytestmark = pytest.mark.anyio

RUN = cards.run


async def order_of(api) -> dict:
    programme, merchant = await api.programme(), await api.merchant()
    card = await api.loaded(programme, 10_000)
    return {"gift_card_id": card, "merchant_id": merchant, "amount_minor": 1, "currency": "CNY"}


async def test_a_poisonous_command_fails_alone(api, monkeypatch, caplog) -> None:
    order = await order_of(api)

    async def run(tx, book, commands):
        if any(c.key == "poison" for c in commands):
            raise ValueError("".join(["a message with ", "a sec", "ret in it"]))
        return await RUN(tx, book, commands)

    monkeypatch.setattr(cards, "run", run)
    keys = [*(f"n-{n}" for n in range(40)), "poison", *(f"m-{n}" for n in range(40))]
    answers = await asyncio.gather(*(api.act("REDEEM", key=key, **order) for key in keys))
    assert {a.status_code for a in answers if a is not answers[40]} == {201}
    assert (answers[40].status_code, answers[40].json()["code"]) == (500, "api.internal")
    assert "ValueError" in caplog.text
    assert "secret" not in caplog.text


async def test_requests_are_gathered_while_a_batch_commits(api, monkeypatch) -> None:
    order = await order_of(api)
    sizes = []

    async def run(tx, book, commands):
        sizes.append(len(commands))
        await asyncio.sleep(0.05)
        return await RUN(tx, book, commands)

    monkeypatch.setattr(cards, "run", run)
    answers = await asyncio.gather(*(api.act("REDEEM", **order) for _ in range(60)))
    assert {a.status_code for a in answers} == {201}
    assert sum(sizes) == 60
    assert len(sizes) < 6


async def test_the_next_batch_is_folded_while_one_commits(api, monkeypatch) -> None:
    """On other cards: it is booked, though the first one hangs; on the same card it waits for the first one."""
    order, other = await order_of(api), await order_of(api)
    committing, go_on = asyncio.Event(), asyncio.Event()
    commit = Tx.commit

    async def slow(tx) -> None:
        if tx.commit_sent is False and not committing.is_set():
            committing.set()
            await go_on.wait()
        await commit(tx)

    monkeypatch.setattr(Tx, "commit", slow)
    # Now and then a batch is let through alone, which would be the one that hangs.
    monkeypatch.setattr(module, "_ALONE_EVERY_S", 3_600)
    first = asyncio.create_task(api.act("REDEEM", **order))
    try:
        await committing.wait()
        async with asyncio.timeout(10):
            assert (await api.act("REDEEM", **other)).json()["balance_minor"] == 9_999
        same = [asyncio.create_task(api.act("REDEEM", key=f"same-{n}", **order)) for n in range(3)]
        await asyncio.sleep(0.05)
        assert not first.done()
        assert not any(task.done() for task in same)
    finally:
        go_on.set()
    answers = [await task for task in (first, *same)]
    assert [answer.json()["balance_minor"] for answer in answers] == [9_999, 9_998, 9_997, 9_996]


async def test_a_crowd_is_turned_away(api, monkeypatch) -> None:
    order = await order_of(api)
    monkeypatch.setattr(module, "WAITING_COMMANDS", 5)
    answers = await asyncio.gather(*(api.act("REDEEM", **order) for _ in range(30)))
    turned = [a for a in answers if a.status_code == 503]
    assert turned
    assert {a.status_code for a in answers} == {201, 503}
    assert {a.json()["code"] for a in turned} == {"api.overloaded"}
    assert turned[0].headers["retry-after"] == "1"


async def test_who_goes_away_cancels_nothing(api) -> None:
    order = await order_of(api)
    request = asyncio.create_task(api.act("REDEEM", key="gone", **order))
    await asyncio.sleep(0.001)
    request.cancel()
    assert (await api.act("REDEEM", **order)).status_code == 201
    assert (await api.act("REDEEM", key="gone", **order)).status_code == 201
    assert (await api.get(f"/v1/gift_cards/{order['gift_card_id']}")).json()["balance"]["amount_minor"] == 9_998


@pytest.mark.parametrize("lost", ["before", "after"])
async def test_a_lost_connection_is_tried_again_and_books_once(api, monkeypatch, lost) -> None:
    """Lost after the commit, the outcome is found again by its key."""
    order = await order_of(api)
    database = api.client._transport.app.door.instance.db
    transact, left = database.transact, [3]

    async def unreliable(work):
        if left[0] and lost == "before":
            left[0] -= 1
            raise Fault(PgFault.UNAVAILABLE, detail="gone")
        done = await transact(work)
        if left[0]:
            left[0] -= 1
            raise Fault(PgFault.UNAVAILABLE, detail="gone")
        return done

    monkeypatch.setattr(database, "transact", unreliable)
    answer = await api.act("REDEEM", **order)
    assert (answer.status_code, answer.json()["balance_minor"]) == (201, 9_999)


@pytest.mark.parametrize("code", [PgFault.DISK_FULL, PgFault.READ_ONLY, PgFault.CONTENTION])
async def test_a_database_that_refuses_is_told_and_not_remembered(api, monkeypatch, code, caplog) -> None:
    order = await order_of(api)

    async def run(tx, book, commands):
        raise Fault(code, detail="at /secret/path")

    with monkeypatch.context() as patch:
        patch.setattr(cards, "run", run)
        answer = await api.act("REDEEM", key="k", **order)
        assert (answer.status_code, answer.json()["code"]) == (503, str(code))
        assert "/secret" not in answer.text
    assert (await api.act("REDEEM", key="k", **order)).status_code == 201


async def test_batches_that_meet_others_are_run_again(api, monkeypatch) -> None:
    order = await order_of(api)
    left = [3]

    async def run(tx, book, commands):
        if left[0]:
            left[0] -= 1
            raise Conflict("met")
        return await RUN(tx, book, commands)

    monkeypatch.setattr(cards, "run", run)
    assert (await api.act("REDEEM", **order)).status_code == 201


async def test_a_database_that_hangs_is_not_waited_for(api, monkeypatch) -> None:
    order = await order_of(api)
    monkeypatch.setattr(module, "PATIENCE_S", 0.2)
    monkeypatch.setattr(module, "_LOOK_S", 0.05)
    hanging = asyncio.Event()

    async def run(tx, book, commands):
        await hanging.wait()
        return await RUN(tx, book, commands)

    monkeypatch.setattr(cards, "run", run)
    answers = await asyncio.gather(*(api.act("REDEEM", key=f"h-{n}", **order) for n in range(3)))
    assert {a.status_code for a in answers} == {503}
    hanging.set()
    answers = await asyncio.gather(*(api.act("REDEEM", key=f"h-{n}", **order) for n in range(3)))
    assert {a.status_code for a in answers} == {201}
    assert (await api.get(f"/v1/gift_cards/{order['gift_card_id']}")).json()["balance"]["amount_minor"] == 9_997
