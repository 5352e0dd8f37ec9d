"""Every check has a damage that it finds, and names the row: proven on copies that are damaged one by one."""

from dataclasses import dataclass

import pytest

from koudai import cards, ledger, merchants
from koudai.base import asset
from koudai.ledger import Posting, post
from koudai.ledger.verify import LEDGER_CHECKS
from koudai.pg import Database

PAY, BACK, OTHER, NO = "pay", "back", "other", "no"


@dataclass(frozen=True)
class Damage:
    """What is done to a copy, and the row that a check has to name; both may use the facts of the story."""

    check: str
    row: str
    doing: tuple[str, ...]

    def __str__(self):
        return f"{self.check}: {self.doing[0]}"


def damage(check, row, *doing):
    return Damage(check, row, doing)


TRANSFER, KEY = "ledger.transfers {pay}", "ledger.idempotency 1/"
ACTIVITY = "cards.activities {pay}"
AT_PAY = "(batch_id, ordinal) = ({pay_batch}, {pay_ordinal})"
AT_BACK = "(batch_id, ordinal) = ({back_batch}, {back_ordinal})"
ON_PAY = "(redemption_batch_id, redemption_ordinal) = ({pay_batch}, {pay_ordinal})"
LOOSE = "ALTER TABLE ledger.transfers DROP CONSTRAINT {0}"

DAMAGES = [
    # An entry is not what it was
    damage("ledger.transfer_accounts", TRANSFER, f"UPDATE ledger.transfers SET debit_account = 10000 WHERE {AT_PAY}"),
    damage("ledger.transfer_accounts", TRANSFER, f"UPDATE ledger.transfers SET credit_account = 10000 WHERE {AT_PAY}"),
    damage("ledger.transfer_accounts", TRANSFER, f"UPDATE ledger.transfers SET credit_account = {{foreign}} WHERE {AT_PAY}"),
    damage("ledger.transfer_accounts", TRANSFER, f"UPDATE ledger.transfers SET asset = 'GBP' WHERE {AT_PAY}"),
    damage("ledger.transfer_accounts", TRANSFER, LOOSE.format("transfers_positive"),
           f"UPDATE ledger.transfers SET amount_minor = -amount_minor WHERE {AT_PAY}"),
    damage("ledger.transfer_accounts", TRANSFER, LOOSE.format("transfers_two_accounts"),
           f"UPDATE ledger.transfers SET credit_account = debit_account WHERE {AT_PAY}"),
    damage("ledger.transfer_accounts", TRANSFER, "UPDATE ledger.batches SET book = 2 WHERE id = {pay_batch}"),
    damage("ledger.transfer_accounts", TRANSFER, "DELETE FROM ledger.batches WHERE id = {pay_batch}"),
    damage("ledger.transfer_batch", TRANSFER, "DELETE FROM ledger.batches WHERE id = {pay_batch}"),
    damage("ledger.transfers_missed", "ledger.transfers",
           "DELETE FROM ledger.batches WHERE id = (SELECT max(id) FROM ledger.batches)"),
    damage("ledger.transfers_missed", "ledger.transfers",
           "INSERT INTO ledger.transfers SELECT -1, debit_account, credit_account, amount_minor, event_at, 1, asset, kind"
           f" FROM ledger.transfers WHERE {AT_PAY}"),
    # A key has lost its effect, or has one too many
    damage("ledger.transfer_key", TRANSFER, "DELETE FROM ledger.idempotency WHERE key = 'pay'"),
    damage("ledger.transfer_key", TRANSFER, "UPDATE ledger.idempotency SET refusal = 'cards.blocked' WHERE key = 'pay'"),
    damage("ledger.transfer_key", "ledger.transfers {pay_batch}/777",
           "INSERT INTO ledger.transfers SELECT batch_id, debit_account, credit_account, amount_minor, event_at, 777, asset,"
           f" kind FROM ledger.transfers WHERE {AT_PAY}"),
    damage("ledger.key_effect", KEY + "bare",
           "DELETE FROM ledger.transfers WHERE (batch_id, ordinal) = ({bare_batch}, {bare_ordinal})"),
    damage("ledger.key_effect", KEY + "no",
           "INSERT INTO ledger.transfers SELECT {no_batch}, debit_account, credit_account, amount_minor, event_at,"
           f" {{no_ordinal}}, asset, kind FROM ledger.transfers WHERE {AT_PAY}"),
    damage("ledger.key_place", KEY + "again",
           "INSERT INTO ledger.idempotency SELECT book, ordinal, batch_id, 'again', request FROM ledger.idempotency"
           " WHERE key = 'pay'"),
    damage("ledger.key_batch", KEY + "pay", "UPDATE ledger.idempotency SET batch_id = 100000 WHERE key = 'pay'"),
    damage("ledger.key_batch", "ledger.idempotency 2/pay", "UPDATE ledger.idempotency SET book = 2 WHERE key = 'pay'"),
    # A balance is not what its transfers make of it
    damage("ledger.balance", "ledger.accounts {card}",
           "UPDATE ledger.accounts SET balance_minor = balance_minor + 1 WHERE id = {card}"),
    damage("ledger.balance", "ledger.accounts {shop_account}",
           "UPDATE ledger.accounts SET folded_minor = folded_minor - 1 WHERE id = {shop_account}"),
    damage("ledger.balance", "ledger.accounts {card}", f"UPDATE ledger.transfers SET amount_minor = 41 WHERE {AT_PAY}"),
    damage("ledger.balance", "ledger.accounts {card}", f"DELETE FROM ledger.transfers WHERE {AT_PAY}"),
    damage("ledger.balance", "ledger.accounts {other_account}",
           "UPDATE ledger.deltas SET account_id = {other_account} WHERE batch_id = {pay_batch} AND account_id = {shop_account}"),
    damage("ledger.balance", "ledger.accounts {shop_account}",
           "DELETE FROM ledger.deltas WHERE batch_id = {pay_batch} AND account_id = {shop_account}"),
    damage("ledger.balance", "ledger.accounts {card}", "DELETE FROM ledger.accounts WHERE id = {card}"),
    damage("ledger.book_sum", "book 1", "UPDATE ledger.accounts SET balance_minor = balance_minor + 1 WHERE id = {card}"),
    damage("ledger.book_sum", "book 1", "UPDATE ledger.deltas SET amount_minor = amount_minor - 1 WHERE account_id = {shop_account}"),
    damage("ledger.book_sum", "book 2", "UPDATE ledger.accounts SET book = 2 WHERE id = {card}"),
    damage("ledger.constrained_negative", "ledger.accounts {card}",
           "ALTER TABLE ledger.accounts DROP CONSTRAINT accounts_not_overdrawn",
           "UPDATE ledger.accounts SET balance_minor = -1 WHERE id = {card}"),
    # What happened to a card is not what was booked
    damage("cards.activity_key", ACTIVITY, "DELETE FROM ledger.idempotency WHERE key = 'pay'"),
    damage("cards.activity_key", "cards.activities {blocking}", "DELETE FROM ledger.idempotency WHERE key = 'blocking'"),
    damage("cards.key_activity", KEY + "pay", f"DELETE FROM cards.activities WHERE {AT_PAY}"),
    damage("cards.key_activity", KEY + "blocking",
           "DELETE FROM cards.activities WHERE (batch_id, ordinal) = ({blocking_batch}, {blocking_ordinal})"),
    damage("cards.key_activity", KEY + "no",
           "UPDATE cards.activities SET (batch_id, ordinal) = ROW({no_batch}, {no_ordinal})"
           " WHERE (batch_id, ordinal) = ({blocking_batch}, {blocking_ordinal})"),
    damage("cards.activity_transfer", ACTIVITY, f"UPDATE cards.activities SET amount_minor = 39 WHERE {AT_PAY}"),
    damage("cards.activity_transfer", ACTIVITY, f"UPDATE cards.activities SET type = 'LOAD' WHERE {AT_PAY}"),
    damage("cards.activity_transfer", ACTIVITY, f"UPDATE cards.activities SET type = 'BLOCK' WHERE {AT_PAY}"),
    damage("cards.activity_transfer", ACTIVITY, f"DELETE FROM ledger.transfers WHERE {AT_PAY}"),
    damage("cards.activity_transfer", ACTIVITY, f"UPDATE ledger.transfers SET debit_account = {{second}} WHERE {AT_PAY}"),
    damage("cards.activity_transfer", ACTIVITY, f"UPDATE cards.activities SET card_id = {{second}} WHERE {AT_PAY}"),
    damage("cards.activity_transfer", ACTIVITY, f"UPDATE cards.activities SET merchant_id = {{other_id}} WHERE {AT_PAY}"),
    damage("cards.activity_transfer", ACTIVITY, f"UPDATE ledger.transfers SET credit_account = {{other_account}} WHERE {AT_PAY}"),
    damage("cards.activity_transfer", "cards.activities {load}",
           "UPDATE cards.activities SET source = 'bonus' WHERE (batch_id, ordinal) = ({load_batch}, {load_ordinal})"),
    damage("cards.activity_chain", ACTIVITY, f"UPDATE cards.activities SET balance_minor = balance_minor + 1 WHERE {AT_PAY}"),
    damage("cards.activity_chain", ACTIVITY, f"UPDATE cards.activities SET previous_batch_id = 0 WHERE {AT_PAY}"),
    damage("cards.activity_chain", ACTIVITY, f"UPDATE cards.activities SET previous_batch_id = 100000 WHERE {AT_PAY}"),
    damage("cards.activity_chain", "cards.activities {back}", f"DELETE FROM cards.activities WHERE {AT_PAY}"),
    damage("cards.card_account", "cards.cards {second}", "DELETE FROM cards.cards WHERE id = {second}"),
    damage("cards.card_account", "cards.cards {second}", "UPDATE ledger.accounts SET kind = 'funding' WHERE id = {second}"),
    damage("cards.card_account", "cards.cards {second}", "ALTER TABLE ledger.accounts DROP CONSTRAINT accounts_one_balance",
           "UPDATE ledger.accounts SET constrained = false WHERE id = {second}"),
    damage("cards.card_account", "cards.cards {second}", "UPDATE cards.cards SET book = 2 WHERE id = {second}"),
    damage("cards.card_account", "cards.cards {second}", "UPDATE ledger.accounts SET asset = 'GBP' WHERE id = {second}"),
    damage("cards.card_newest", "cards.cards {card}",
           "UPDATE ledger.accounts SET last_batch_id = {pay_batch}, last_ordinal = {pay_ordinal} WHERE id = {card}"),
    damage("cards.card_newest", "cards.cards {second}", "UPDATE ledger.accounts SET last_batch_id = 0 WHERE id = {second}"),
    damage("cards.card_newest", "cards.cards {pending}", "UPDATE cards.cards SET state = 'ACTIVE' WHERE id = {pending}"),
    damage("cards.card_state", "cards.cards {blocked}", "UPDATE cards.cards SET state = 'ACTIVE' WHERE id = {blocked}"),
    damage("cards.card_state", "cards.cards {card}", "UPDATE cards.cards SET state = 'BLOCKED' WHERE id = {card}"),
    damage("cards.card_state", "cards.cards {card}", "UPDATE cards.cards SET state = 'PENDING' WHERE id = {card}"),
    # More or less was given back than was said
    damage("cards.refund_total", "cards.refund_totals {pay}", f"UPDATE cards.refund_totals SET refunded_minor = 14 WHERE {AT_PAY}"),
    damage("cards.refund_total", "cards.refund_totals {pay}", f"UPDATE cards.refund_totals SET paid_minor = 100 WHERE {AT_PAY}"),
    damage("cards.refund_total", "cards.refund_totals {pay}", f"DELETE FROM cards.refund_totals WHERE {AT_PAY}"),
    damage("cards.refund_total", "cards.refund_totals {pay}", f"DELETE FROM cards.refund_parts WHERE {ON_PAY}"),
    damage("cards.refund_total", "cards.refund_totals {pay}",
           "ALTER TABLE cards.refund_totals DROP CONSTRAINT refund_totals_within_paid",
           f"UPDATE cards.refund_totals SET refunded_minor = 41 WHERE {AT_PAY}",
           f"UPDATE cards.refund_parts SET amount_minor = 41 WHERE {ON_PAY}"),
    damage("cards.refund_parts", "cards.activities {back}", f"DELETE FROM cards.refund_parts WHERE {AT_BACK}"),
    damage("cards.refund_parts", "cards.activities {back}", f"UPDATE cards.refund_parts SET amount_minor = 14 WHERE {AT_BACK}"),
    damage("cards.refund_parts", "cards.activities {back}",
           "UPDATE cards.refund_parts SET redemption_batch_id = {strange_batch}, redemption_ordinal = {strange_ordinal}"
           f" WHERE {AT_BACK}"),
]  # fmt: skip


async def tell_story(db, keyring):
    """A sound database in which everything happened once; where it happened."""

    async def within(work):
        return await db.transact(work)

    async def run(*commands):
        return (await within(lambda tx: cards.run(tx, 1, commands)))[-1]

    cny, facts = asset("CNY"), {}
    for book in (2, 1):
        wish = cards.CreateProgramme("programme", "Gifts", cny, "900001", 1000)
        (programme,) = await within(lambda tx, b=book, w=wish: cards.create_programmes(tx, b, [w]))
        wishes = [merchants.Register(name, name, cny) for name in ("shop", "other")]
        shop, other = await within(lambda tx, b=book, w=wishes: merchants.register(tx, b, w))
        wishes = [
            cards.Issue(name, programme.id, active=name != "pending")
            for name in ("card", "second", "blocked", "pending")
        ]
        made = await within(lambda tx, b=book, w=wishes: cards.issue(tx, b, w, keyring))
        if book == 2:
            facts["foreign"] = shop.account_id
    card, second, blocked, pending = (m.card.id for m in made)
    facts |= {"card": card, "second": second, "blocked": blocked, "pending": pending, "shop_account": shop.account_id,
              "other_account": other.account_id, "other_id": other.id}  # fmt: skip
    await within(lambda tx: ledger.fold_deltas(tx))

    def load(card, amount, key):
        return cards.Load(key=key, card=card, amount_minor=amount, asset="CNY", source=cards.FundingSource.CASH)

    def redeem(card, amount, key):
        return cards.Redeem(key=key, card=card, merchant_id=shop.id, amount_minor=amount, asset="CNY")

    places = {
        "load": (await run(load(card, 100, "load"))).place,
        "pay": (await run(redeem(card, 40, "pay"))).place,
        "back": (await run(cards.Refund(key="back", redemption=None, card=card, merchant_id=shop.id, amount_minor=15, asset="CNY"))).place,
    }  # fmt: skip
    await run(load(second, 100, "load 2"))
    places["strange"] = (await run(redeem(second, 30, "pay 2"))).place
    await run(redeem(second, 20, "lost"), cards.Reverse(key="undo", redemption_key="lost"))
    await run(cards.Reverse(key="bar", redemption_key="barred"))
    assert (await run(redeem(second, 5, "barred"))).code == "cards.reversed_before"
    places["blocking"] = (await run(cards.Block(key="blocking", card=blocked))).place
    assert (await run(redeem(card, 4000, "no"))).code == "cards.insufficient_balance"
    memory = await within(lambda tx: ledger.outcome_of_key(tx, 1, "no"))
    places["no"] = memory.place
    bare = Posting("bare", shop.account_id, other.account_id, 3, "CNY", "test", memory_time(made))
    (places["bare"],) = await within(lambda tx: post(tx, 1, [bare]))
    await run(redeem(card, 1, "last"))
    for name, place in places.items():
        facts |= {
            name: f"{place.batch_id}/{place.ordinal}",
            f"{name}_batch": place.batch_id,
            f"{name}_ordinal": place.ordinal,
        }
    return facts


def memory_time(made):
    return made[0].card.issued_at


@pytest.fixture(scope="module")
async def sound(servers, keyring):
    """The story's database, to which nobody is connected, and the facts of the story."""
    server = servers(18)
    with server.database(server.template) as name:
        async with Database(server.target(name)) as db:
            facts = await tell_story(db, keyring)
            report = await ledger.verify(db, cards.CARD_CHECKS)
            assert report.findings == []
        yield server, name, facts


@pytest.mark.parametrize("major", [18])
@pytest.mark.parametrize("damage", DAMAGES, ids=str)
async def test_a_damage_is_found_and_its_row_named(sound, major, damage):
    server, name, facts = sound
    with server.database(name) as copy:
        with server.superuser(copy) as admin:
            admin.execute("SET session_replication_role = replica")
            changed = [admin.execute(statement.format(**facts)).rowcount for statement in damage.doing]
        assert changed[-1] > 0, "nothing was damaged"
        async with Database(server.target(copy)) as db:
            report = await ledger.verify(db, cards.CARD_CHECKS)
    assert not report.holds
    row = damage.row.format(**facts)
    assert row in {f.row for f in report.findings if f.check == damage.check}, report.findings
    assert all(f.detail for f in report.findings)


def test_every_check_has_its_damage():
    damaged = {damage.check for damage in DAMAGES}
    internal = {"ledger.balance", "ledger.transfers_missed"}
    assert damaged == {check.name for check in (*LEDGER_CHECKS, *cards.CARD_CHECKS)} | internal
