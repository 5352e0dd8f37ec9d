"""Every check has a damage that it finds, and names the row: proven on copies that are damaged one by one."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from koudai import cards, ledger, merchants
from koudai.base import Refused, asset
from koudai.identity import Vault
from koudai.ledger import Flow, FundingSource, Limit, Per, Posting, Subject, post
from koudai.ledger.verify import LEDGER_CHECKS
from koudai.pg import Database
from koudai.programmes import Line, PutVersion
from tests.cards.conftest import Counter
from tests.cards.documented import documented
from tests.programmes.drafts import text_of

START = datetime(2024, 5, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


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


def at(name, columns="batch_id, ordinal"):
    """The place of an entry of the story."""
    return f"({columns}) = ({{{name}_batch}}, {{{name}_ordinal}})"


def another(batch, ordinal, of, entry=None, lots="debit_lot, credit_lot"):
    """A transfer like one of the story at another place."""
    return ("INSERT INTO ledger.transfers (batch_id, ordinal, entry, debit_account, credit_account, amount_minor, event_at,"
            f" asset, kind, debit_lot, credit_lot) SELECT {batch}, {ordinal}, {entry or ordinal}, debit_account,"
            f" credit_account, amount_minor, event_at, asset, kind, {lots} FROM ledger.transfers WHERE {at(of)}")  # fmt: skip


def loose(table, *names):
    """Take constraints off a table."""
    return f"ALTER TABLE ledger.{table} " + ", ".join(f"DROP CONSTRAINT {name}" for name in names)


TRANSFER, KEY = "ledger.transfers {pay}", "ledger.idempotency 1/"
ACTIVITY = "cards.activities {pay}"
AT_PAY, AT_BACK = at("pay"), at("back")
ON_PAY = at("pay", "redemption_batch_id, redemption_ordinal")

CODE = "cards.pay_codes "

DAMAGES = [
    # An entry is not what it was
    damage("ledger.transfer_accounts", TRANSFER, f"UPDATE ledger.transfers SET debit_account = 10000 WHERE {AT_PAY}"),
    damage("ledger.transfer_accounts", TRANSFER, f"UPDATE ledger.transfers SET credit_account = 10000 WHERE {AT_PAY}"),
    damage("ledger.transfer_accounts", TRANSFER, f"UPDATE ledger.transfers SET credit_account = {{foreign}} WHERE {AT_PAY}"),
    damage("ledger.transfer_accounts", TRANSFER, f"UPDATE ledger.transfers SET asset = 'GBP' WHERE {AT_PAY}"),
    damage("ledger.transfer_accounts", TRANSFER, loose("transfers", "transfers_positive"),
           f"UPDATE ledger.transfers SET amount_minor = -amount_minor WHERE {AT_PAY}"),
    damage("ledger.transfer_accounts", TRANSFER, loose("transfers", "transfers_two_places"),
           f"UPDATE ledger.transfers SET credit_account = debit_account WHERE {AT_PAY}"),
    damage("ledger.transfer_accounts", "ledger.transfers {renewed}", loose("transfers", "transfers_two_places"),
           f"UPDATE ledger.transfers SET credit_lot = debit_lot WHERE {at('renewed')}"),
    damage("ledger.transfer_accounts", TRANSFER, "UPDATE ledger.batches SET book = 2 WHERE id = {pay_batch}"),
    damage("ledger.transfer_accounts", TRANSFER, "DELETE FROM ledger.batches WHERE id = {pay_batch}"),
    damage("ledger.transfer_batch", TRANSFER, "DELETE FROM ledger.batches WHERE id = {pay_batch}"),
    damage("ledger.transfers_missed", "ledger.transfers",
           "DELETE FROM ledger.batches WHERE id = (SELECT max(id) FROM ledger.batches)"),
    damage("ledger.transfers_missed", "ledger.transfers", another(-1, 1, "pay")),
    # A key has lost its effect, or has one too many
    damage("ledger.transfer_key", TRANSFER, "DELETE FROM ledger.idempotency WHERE key = 'pay'"),
    damage("ledger.transfer_key", TRANSFER, "UPDATE ledger.idempotency SET refusal = 'cards.blocked' WHERE key = 'pay'"),
    damage("ledger.transfer_key", "ledger.transfers {pay_batch}/777",
           another("batch_id", 777, "pay")),
    damage("ledger.key_effect", KEY + "bare",
           "DELETE FROM ledger.transfers WHERE (batch_id, ordinal) = ({bare_batch}, {bare_ordinal})"),
    damage("ledger.key_effect", KEY + "no",
           another("{no_batch}", "{no_ordinal}", "pay")),
    damage("ledger.key_place", KEY + "again",
           "INSERT INTO ledger.idempotency SELECT book, ordinal, batch_id, 'again', request FROM ledger.idempotency"
           " WHERE key = 'pay'"),
    damage("ledger.key_batch", KEY + "pay", "UPDATE ledger.idempotency SET batch_id = 100000 WHERE key = 'pay'"),
    damage("ledger.key_batch", "ledger.idempotency 2/pay", "UPDATE ledger.idempotency SET book = 2 WHERE key = 'pay'"),
    # A balance is not what its transfers make of it
    damage("ledger.balance", "ledger.accounts {card}",
           "UPDATE ledger.accounts SET balance_minor = balance_minor + 1, lots[2] = lots[2] + 1 WHERE id = {card}"),
    damage("ledger.balance", "ledger.accounts {card}", loose("accounts", "accounts_lots_agree"),
           "UPDATE ledger.accounts SET balance_minor = balance_minor + 1 WHERE id = {card}"),
    damage("ledger.balance", "ledger.lots {mine_lot}",
           "UPDATE ledger.accounts SET lots[2] = lots[2] + 1, lots[8] = lots[8] - 1 WHERE id = {mine}"),
    damage("ledger.balance", "ledger.lots {mine_lot}", "UPDATE ledger.lots SET opened_minor = 1 WHERE id = {mine_lot}"),
    damage("ledger.balance", "ledger.lots {gift_lot}", f"UPDATE ledger.transfers SET credit_lot = 10000 WHERE {at('sent')}"),
    damage("ledger.balance", "ledger.accounts {shop_account}",
           "UPDATE ledger.accounts SET folded_minor = folded_minor - 1 WHERE id = {shop_account}"),
    damage("ledger.balance", "ledger.accounts {card}", f"UPDATE ledger.transfers SET amount_minor = 41 WHERE {AT_PAY}"),
    damage("ledger.balance", "ledger.accounts {card}", f"DELETE FROM ledger.transfers WHERE {AT_PAY}"),
    damage("ledger.balance", "ledger.accounts {other_account}",
           "UPDATE ledger.deltas SET accounts = array_replace(accounts, {shop_account}, {other_account}) WHERE batch_id = {pay_batch}"),
    damage("ledger.balance", "ledger.accounts {shop_account}",
           "DELETE FROM ledger.deltas WHERE batch_id = {pay_batch}"),
    damage("ledger.balance", "ledger.accounts {card}", "DELETE FROM ledger.accounts WHERE id = {card}"),
    damage("ledger.book_sum", "book 1",
           "UPDATE ledger.accounts SET balance_minor = balance_minor + 1, lots[2] = lots[2] + 1 WHERE id = {card}"),
    damage("ledger.book_sum", "book 1", "UPDATE ledger.deltas SET amounts[1] = amounts[1] - 1 WHERE {shop_account} = ANY (accounts)"),
    damage("ledger.book_sum", "book 2", "UPDATE ledger.accounts SET book = 2 WHERE id = {card}"),
    damage("ledger.constrained_negative", "ledger.accounts {card}",
           loose("accounts", "accounts_not_overdrawn", "accounts_reserved", "accounts_lots_agree"),
           "UPDATE ledger.accounts SET balance_minor = -1 WHERE id = {card}"),
    # A lot is not what it was, or not where it was
    damage("ledger.transfer_lots", TRANSFER, f"UPDATE ledger.transfers SET debit_lot = {{second_lot}} WHERE {AT_PAY}"),
    damage("ledger.transfer_lots", TRANSFER, f"UPDATE ledger.transfers SET debit_lot = 10000 WHERE {AT_PAY}"),
    damage("ledger.transfer_lots", TRANSFER, f"UPDATE ledger.transfers SET debit_lot = NULL WHERE {AT_PAY}"),
    damage("ledger.transfer_lots", TRANSFER, f"UPDATE ledger.transfers SET credit_lot = debit_lot WHERE {AT_PAY}"),
    damage("ledger.transfer_lots", "ledger.transfers {bare}",
           f"UPDATE ledger.transfers SET debit_lot = {{second_lot}} WHERE {at('bare')}"),
    damage("ledger.transfer_lots", "ledger.transfers {sent}", "UPDATE ledger.lots SET account_id = {second} WHERE id = {gift_lot}"),
    damage("ledger.entry_legs", "ledger.transfers {legs_second}", f"DELETE FROM ledger.transfers WHERE {at('legs')}"),
    damage("ledger.entry_legs", "ledger.transfers {legs_second}",
           "UPDATE ledger.transfers SET ordinal = ordinal + 10 WHERE batch_id = {legs_batch} AND ordinal = {legs_ordinal}"),
    damage("ledger.entry_legs", "ledger.transfers {sent_batch}/777", another("batch_id", 777, "sent", entry="entry")),
    damage("ledger.entry_legs", TRANSFER, f"UPDATE ledger.transfers SET entry = entry - 1 WHERE {AT_PAY}"),
    damage("ledger.lot_row", "ledger.accounts {mine}", "DELETE FROM ledger.lots WHERE id = {mine_lot}"),
    damage("ledger.lot_row", "ledger.accounts {mine}", "UPDATE ledger.lots SET account_id = {second} WHERE id = {mine_lot}"),
    damage("ledger.lot_row", "ledger.accounts {mine}", "UPDATE ledger.lots SET strain = strain + 1 WHERE id = {mine_lot}"),
    damage("ledger.lot_row", "ledger.accounts {mine}",
           "UPDATE ledger.lots SET expires_at = expires_at + interval '1 day' WHERE id = {bonus_lot}"),
    damage("ledger.lot_row", "ledger.accounts {mine}", "UPDATE ledger.lots SET expires_at = NULL WHERE id = {bonus_lot}"),
    damage("ledger.lot_row", "ledger.accounts {mine}", "UPDATE ledger.lots SET may_refund = true WHERE id = {bonus_lot}"),
    damage("ledger.lot_row", "ledger.accounts {mine}", "UPDATE ledger.lots SET may_sell = NOT may_sell WHERE id = {mine_lot}"),
    damage("ledger.lot_row", "ledger.accounts {mine}",
           "UPDATE ledger.lots SET may_pass = NOT may_pass WHERE id = {mine_lot}"),
    damage("ledger.lot_row", "ledger.accounts {mine}", "UPDATE ledger.lots SET paid = false WHERE id = {mine_lot}"),
    damage("ledger.lot_row", "ledger.accounts {mine}", "UPDATE ledger.accounts SET lots[5] = 2000000000 WHERE id = {mine}"),
    damage("ledger.lot_twice", "ledger.accounts {mine}", "UPDATE ledger.accounts SET lots[12] = lots[6] WHERE id = {mine}"),
    damage("ledger.lot_twice", "ledger.accounts {mine}", "UPDATE ledger.accounts SET lots[7] = lots[1] WHERE id = {mine}"),
    *(
        damage("ledger.lot_provenance", "ledger.lots {gift_lot}", f"UPDATE ledger.lots SET {what} WHERE id = {{gift_lot}}")
        for what in (
            "source = 'debit'", "payer = 'other'", "refund_to = 'other'", "may_refund = NOT may_refund", "may_sell = NOT may_sell",
            "may_pass = NOT may_pass", "paid = NOT paid", "funded_at = funded_at + interval '1 s'",
            "funded_batch_id = funded_batch_id - 1", "funded_ordinal = funded_ordinal + 1", "parent_id = {second_lot}",
        )
    ),
    damage("ledger.lot_provenance", "ledger.lots {gift_lot}", "DELETE FROM ledger.lots WHERE id = {mine_lot}"),
    # A hold reserves something else than it says
    damage("ledger.hold_reserved", "ledger.accounts {mine}", f"DELETE FROM ledger.holds WHERE {at('held')}"),
    damage("ledger.hold_reserved", "ledger.accounts {mine}", f"UPDATE ledger.holds SET account_id = {{second}} WHERE {at('held')}"),
    damage("ledger.hold_reserved", "ledger.accounts {second}", f"UPDATE ledger.holds SET account_id = {{second}} WHERE {at('held')}"),
    damage("ledger.hold_reserved", "ledger.accounts {mine}", f"UPDATE ledger.holds SET lots[1] = {{mine_lot}} WHERE {at('held')}"),
    damage("ledger.hold_reserved", "ledger.accounts {mine}",
           f"UPDATE ledger.holds SET state = 'VOIDED', released_minor = amount_minor, lots = '{{{{}}}}' WHERE {at('held')}"),
    damage("ledger.hold_reserved", "ledger.accounts {mine}",
           "UPDATE ledger.accounts SET held_minor = held_minor + 1, lots[9] = lots[9] + 1 WHERE id = {mine}"),
    damage("ledger.hold_reserved", "ledger.accounts {gift}",
           "UPDATE ledger.accounts SET held_minor = held_minor + 1, lots[3] = lots[3] + 1 WHERE id = {gift}"),
    damage("ledger.hold_left", "ledger.holds {held}", f"UPDATE ledger.holds SET lots[2] = lots[2] + 1 WHERE {at('held')}"),
    damage("ledger.hold_left", "ledger.holds {held}", f"UPDATE ledger.holds SET lots = '{{{{}}}}' WHERE {at('held')}"),
    damage("ledger.hold_left", "ledger.holds {held}", f"UPDATE ledger.holds SET released_minor = released_minor + 1 WHERE {at('held')}"),
    damage("ledger.hold_left", "ledger.holds {part}", f"UPDATE ledger.holds SET captured_minor = captured_minor - 1 WHERE {at('part')}"),
    damage("ledger.hold_due", "ledger.accounts {mine}", "UPDATE ledger.accounts SET due_at = NULL WHERE id = {mine}"),
    damage("ledger.hold_due", "ledger.accounts {mine}",
           "UPDATE ledger.accounts SET due_at = due_at + interval '1 day' WHERE id = {mine}"),
    damage("ledger.hold_due", "ledger.accounts {mine}",
           f"UPDATE ledger.holds SET expires_at = expires_at - interval '3 days' WHERE {at('held')}"),
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
    *(
        damage("cards.activity_transfer", f"cards.activities {{{name}}}", f"UPDATE {what} WHERE {at(name)}")
        for name, what in (
            ("held", "cards.activities SET amount_minor = 0"),
            ("voiding", "cards.activities SET amount_minor = 0"),
            ("late_freed", "cards.activities SET amount_minor = 0"),
            ("caught", "cards.activities SET merchant_id = {other_id}"),
            ("caught", "ledger.transfers SET amount_minor = amount_minor + 1"),
            ("sent", "cards.activities SET other_card_id = {second}"),
            ("came", "cards.activities SET other_card_id = {second}"),
            ("came", "cards.activities SET card_id = {second}"),
            ("came", "cards.activities SET lead = 0"),
            ("up", "ledger.transfers SET debit_account = {expired_account}"),
            ("up", "cards.activities SET type = 'ADJUST_DECREMENT'"),
            ("down", "ledger.transfers SET credit_account = {expired_account}"),
            ("lapsed", "ledger.transfers SET credit_account = {adjustment_account}"),
            ("renewed", "ledger.transfers SET credit_account = {second}"),
        )
    ),
    damage("cards.activity_transfer", "cards.activities {held}", another("{held_batch}", "{held_ordinal}", "legs")),
    damage("cards.activity_transfer", "cards.activities {legs}",
           "UPDATE ledger.transfers SET credit_account = {other_account} WHERE batch_id = {legs_batch}"
           " AND ordinal = {legs_ordinal} + 1"),
    damage("cards.split_pieces", "cards.activities {split}",
           "UPDATE ledger.transfers SET amount_minor = amount_minor + CASE ordinal WHEN {split_ordinal} THEN 1 ELSE -1 END"
           " WHERE batch_id = {split_batch} AND entry = {split_ordinal}"),
    damage("cards.split_pieces", "cards.activities {split}",
           f"UPDATE cards.activities SET amount_minor = amount_minor + 1 WHERE {at('piece')}"),
    damage("cards.split_pieces", "cards.activities {split}",
           f"UPDATE cards.activities SET amount_minor = amount_minor + 1 WHERE {at('split')}"),
    damage("cards.split_pieces", "cards.activities {split}",
           f"UPDATE cards.activities SET other_card_id = {{piece_card}} WHERE {at('split')}"),
    damage("cards.split_pieces", "cards.activities {split}", f"DELETE FROM cards.activities WHERE {at('piece')}"),
    damage("cards.split_pieces", "cards.activities {split}", f"DELETE FROM cards.activities WHERE {at('split')}"),
    damage("cards.lineage", "cards.cards {piece_card}", "UPDATE cards.cards SET generation = 2 WHERE id = {piece_card}"),
    damage("cards.lineage", "cards.cards {piece_card}", "UPDATE cards.cards SET root_id = {card} WHERE id = {piece_card}"),
    damage("cards.lineage", "cards.cards {piece_two}", "UPDATE cards.cards SET parent_id = {piece_card} WHERE id = {piece_two}"),
    damage("cards.lineage", "cards.cards {piece_card}", "UPDATE cards.cards SET holder_ref = 'mallory' WHERE id = {piece_card}"),
    damage("cards.lineage", "cards.cards {piece_card}", f"DELETE FROM cards.activities WHERE {at('piece')}"),
    # A card that pays and is split in one
    damage("cards.activity_key", "cards.activities {spent_gave}", "DELETE FROM ledger.idempotency WHERE key = 'spent'"),
    damage("cards.activity_transfer", "cards.activities {spent_gave}",
           f"UPDATE cards.activities SET amount_minor = amount_minor + 1 WHERE {at('spent_gave')}"),
    damage("cards.activity_transfer", "cards.activities {spent_came}",
           f"UPDATE cards.activities SET amount_minor = amount_minor + 1 WHERE {at('spent_came')}"),
    damage("cards.activity_transfer", "cards.activities {spent_came}",
           f"UPDATE cards.activities SET lead = 0 WHERE {at('spent_came')}"),
    damage("cards.key_activity", KEY + "spent", f"DELETE FROM cards.activities WHERE {at('spent')}"),
    damage("cards.transfer_activity", "ledger.transfers {spent_gave}", f"DELETE FROM cards.activities WHERE {at('spent_gave')}"),
    damage("cards.lineage", "cards.cards {heir}", "UPDATE cards.cards SET generation = 1 WHERE id = {heir}"),
    damage("cards.lineage", "cards.cards {heir}", "UPDATE cards.cards SET holder_ref = 'mallory' WHERE id = {heir}"),
    damage("cards.lineage", "cards.cards {new_card}", "UPDATE cards.cards SET holder_ref = 'mallory' WHERE id = {new_card}"),
    # A card whose place another took lives on, or a gift isn't what the history says
    damage("cards.reissue", "cards.cards {lost_card}", "UPDATE cards.cards SET state = 'ACTIVE' WHERE id = {lost_card}"),
    damage("cards.reissue", "cards.cards {taken}", f"UPDATE cards.gifts SET card_id = {{taken}} WHERE {at('give_waiting')}"),
    damage("cards.reissue", "cards.cards {lost_card}", loose("accounts", "accounts_lots_agree"),
           "UPDATE ledger.accounts SET balance_minor = 1 WHERE id = {lost_card}"),
    damage("cards.card_state", "cards.cards {lost_card}", "UPDATE cards.cards SET state = 'ACTIVE' WHERE id = {lost_card}"),
    damage("cards.gift_entries", "cards.gifts {give_waiting}", f"DELETE FROM cards.activities WHERE {at('give_waiting')}"),
    damage("cards.gift_entries", "cards.gifts {give_waiting}", f"DELETE FROM cards.gifts WHERE {at('give_waiting')}"),
    damage("cards.gift_entries", "cards.gifts {give_waiting}",
           f"UPDATE cards.gifts SET card_id = {{mine}} WHERE {at('give_waiting')}"),
    damage("cards.gift_entries", "cards.gifts {give_taken}",
           f"UPDATE cards.gifts SET claimed_card_id = {{heir}} WHERE {at('give_taken')}"),
    damage("cards.gift_entries", "cards.gifts {give_taken}",
           "UPDATE ledger.accounts SET successor_id = NULL WHERE id = {taken}"),
    damage("cards.gift_entries", "cards.gifts {give_ungiven}",
           f"UPDATE cards.gifts SET ended_ordinal = 777 WHERE {at('give_ungiven')}"),
    damage("cards.gift_entries", "cards.activities {took_back}",
           f"UPDATE cards.gifts SET state = 'OFFERED', ended_batch_id = NULL, ended_ordinal = NULL WHERE {at('give_ungiven')}"),
    damage("cards.gift_words", "cards.gift_words {give_waiting}",
           f"DELETE FROM cards.gifts WHERE {at('give_waiting')}"),
    damage("cards.gift_words", "cards.gift_words {give_waiting}",
           f"UPDATE cards.gift_words SET book = 2 WHERE {at('give_waiting')}"),
    damage("cards.gift_words", "cards.gift_words {give_taken}",
           f"UPDATE cards.gift_words SET ended_batch_id = NULL WHERE {at('give_taken')}"),
    damage("cards.gift_words", "cards.gift_words {give_waiting}",
           f"UPDATE cards.gift_words SET ended_batch_id = 1 WHERE {at('give_waiting')}"),
    damage("cards.gift_words", "cards.gift_words {give_waiting}", "UPDATE identity.vault_keys SET state = 'retired'"),
    damage("cards.gift_words", "cards.gifts {give_waiting}",
           f"UPDATE cards.gifts SET giver_ref = 'mallory' WHERE {at('give_waiting')}"),
    damage("cards.gift_lock", "cards.cards {waiting}", "UPDATE cards.cards SET gift_until = NULL WHERE id = {waiting}"),
    damage("cards.gift_lock", "cards.cards {ungiven}",
           "UPDATE cards.cards SET gift_until = 'infinity' WHERE id = {ungiven}"),
    damage("cards.transfer_activity", TRANSFER, f"DELETE FROM cards.activities WHERE {AT_PAY}"),
    damage("cards.transfer_activity", "ledger.transfers {legs_second}", f"DELETE FROM cards.activities WHERE {at('legs')}"),
    damage("cards.transfer_activity", "ledger.transfers {lapsed_batch}/777", another("batch_id", 777, "lapsed")),
    damage("cards.activity_chain", "cards.activities {held}", f"UPDATE cards.activities SET held_minor = held_minor - 1 WHERE {at('held')}"),
    damage("cards.activity_chain", "cards.activities {late_freed}",
           f"UPDATE cards.activities SET amount_minor = amount_minor + 1 WHERE {at('late_freed')}"),
    damage("cards.activity_key", "cards.activities {came}", "DELETE FROM ledger.idempotency WHERE key = 'sent'"),
    damage("cards.activity_key", "cards.activities {freed}", "DELETE FROM ledger.idempotency WHERE key = 'final'"),
    damage("cards.activity_key", "cards.activities {caught}", f"UPDATE cards.activities SET lead = 0 WHERE {at('caught')}"),
    damage("cards.hold_entries", "ledger.holds {held}", f"DELETE FROM ledger.holds WHERE {at('held')}"),
    damage("cards.hold_entries", "ledger.holds {held}", f"DELETE FROM cards.activities WHERE {at('held')}"),
    damage("cards.hold_entries", "ledger.holds {held}", f"UPDATE cards.activities SET amount_minor = 59 WHERE {at('held')}"),
    damage("cards.hold_entries", "ledger.holds {held}", f"UPDATE ledger.holds SET account_id = {{second}} WHERE {at('held')}"),
    damage("cards.hold_entries", "ledger.holds {held}", f"UPDATE cards.activities SET card_id = {{second}} WHERE {at('held')}"),
    damage("cards.hold_entries", "ledger.holds {part}", f"UPDATE ledger.holds SET captured_minor = 11 WHERE {at('part')}"),
    damage("cards.hold_entries", "ledger.holds {part}", f"DELETE FROM cards.activities WHERE {at('caught')}"),
    damage("cards.hold_entries", "ledger.holds {late}", f"DELETE FROM cards.activities WHERE {at('late_freed')}"),
    damage("cards.hold_entries", "ledger.holds {part}",
           f"UPDATE cards.activities SET hold_batch_id = {{part_batch}}, hold_ordinal = {{part_ordinal}} WHERE {at('voiding')}"),
    damage("cards.hold_entries", "ledger.holds {part}",
           f"UPDATE ledger.holds SET payee_account = {{other_account}} WHERE {at('part')}"),
    # Lots of another source, moment or payer than those who loaded them
    damage("cards.lot_origin", "ledger.lots {mine_lot}", "UPDATE ledger.lots SET source = 'credit' WHERE id = {mine_lot}"),
    damage("cards.lot_origin", "ledger.lots {mine_lot}",
           "UPDATE ledger.lots SET funded_at = funded_at - interval '31 days' WHERE id = {mine_lot}"),
    damage("cards.lot_origin", "ledger.lots {mine_lot}", "UPDATE ledger.lots SET payer = 'bob' WHERE id = {mine_lot}"),
    damage("cards.lot_origin", "ledger.lots {mine_lot}",
           "UPDATE ledger.lots SET funded_ordinal = funded_ordinal + 1 WHERE id = {mine_lot}"),
    # A correction without a reason, or the other way round
    damage("cards.adjust_reason", "cards.activities {up}", f"DELETE FROM ledger.corrections WHERE {at('up')}"),
    damage("cards.adjust_reason", "cards.activities {down}", f"DELETE FROM ledger.corrections WHERE {at('down')}"),
    damage("cards.adjust_reason", "cards.activities {up}", f"UPDATE ledger.corrections SET creates = false WHERE {at('up')}"),
    damage("cards.adjust_reason", "cards.activities {up}", f"DELETE FROM cards.activities WHERE {at('up')}"),
    damage("cards.adjust_reason", "cards.activities {undone}", f"DELETE FROM ledger.corrections WHERE {at('undone')}"),
    damage("cards.adjust_reason", "cards.activities {undone}",
           f"UPDATE ledger.corrections SET corrects_batch_id = 1 WHERE {at('undone')}"),
    damage("cards.adjust_reason", "cards.activities {pay}",
           "INSERT INTO ledger.corrections (batch_id, ordinal, creates, reason, made_by)"
           " VALUES ({pay_batch}, {pay_ordinal}, false, 'none', 'nobody')"),
    # A counter that its entries don't lead to
    *(
        damage("cards.limit_counter", f"ledger.limits {{{limit}_limit}}", f"UPDATE ledger.{what}")
        for limit, what in (
            ("load", "accounts SET meters[3] = meters[3] + 1 WHERE id = {mine}"),
            ("load", "accounts SET meters[4] = meters[4] - 1 WHERE id = {mine}"),
            ("card", "accounts SET meters[7] = meters[7] - 1 WHERE id = {mine}"),
            ("card", "accounts SET meters[8] = meters[8] + 1 WHERE id = {mine}"),
            ("card", "accounts SET meters = NULL WHERE id = {mine}"),
            ("card", "accounts SET meters = '{{}}' WHERE id = {mine}"),
            ("holder", "subjects SET meters[3] = 0 WHERE ref = 'holder:ann'"),
            ("holder", "subjects SET meters = '{{}}' WHERE ref = 'holder:ann'"),
            ("device", "subjects SET meters[3] = meters[3] - 1 WHERE ref = 'device:till'"),
            ("device", "subjects SET meters[4] = meters[4] + 1 WHERE ref = 'device:till'"),
            ("device", "subjects SET ref = 'device:other' WHERE ref = 'device:till'"),
            ("device", "subjects SET meters = '{{}}' WHERE ref = 'device:till'"),
            ("pair", "subjects SET meters[3] = meters[3] + 1 WHERE ref = 'holder+recipient:{ann}+bob'"),
        )
    ),
    damage("cards.limit_counter", "ledger.limits {card_limit}",
           f"UPDATE cards.activities SET amount_minor = amount_minor + 1 WHERE {at('legs')}"),
    # A card doesn't go on where the one that it comes from stood
    *(
        damage("cards.limit_counter", f"ledger.limits {{{limit}_limit}}", f"UPDATE ledger.{what}")
        for limit, what in (
            ("card", "accounts SET meters = '{{}}' WHERE id = {heir}"),
            ("card", "accounts SET meters[7] = meters[7] - 1 WHERE id = {heir}"),
            ("card", "accounts SET meters = NULL WHERE id = {piece_card}"),
            ("load", "accounts SET meters[3] = meters[3] - 1 WHERE id = {piece_two}"),
            ("card_device", "subjects SET meters[4] = meters[4] + 1 WHERE ref = 'card+device:{piece_two}+counter'"),
            ("card_device", "subjects SET meters = '{{}}' WHERE ref = 'card+device:{heir}+counter'"),
            ("card_device", "subjects SET meters[3] = meters[3] - 1 WHERE ref = 'card+device:{heir}+counter'"),
        )
    ),
    damage("cards.limit_counter", "ledger.limits {card_limit}",
           f"UPDATE cards.activities SET amount_minor = amount_minor + 1 WHERE {at('whole_pay')}"),
    damage("cards.limit_counter", "ledger.limits {card_limit}", "UPDATE cards.cards SET inherits = false WHERE id = {heir}"),
    damage("cards.lineage", "cards.cards {heir}", "UPDATE cards.cards SET inherits = false WHERE id = {heir}",
           "UPDATE ledger.accounts SET meters = NULL WHERE id = {heir}"),
    damage("cards.lineage", "cards.cards {heir}", "UPDATE cards.cards SET came_lead = came_lead + 1 WHERE id = {heir}",
           "UPDATE ledger.accounts SET meters = NULL WHERE id = {heir}"),
    damage("cards.lineage", "cards.cards {piece_two}", "UPDATE cards.cards SET inherits = false WHERE id = {piece_two}"),
    damage("cards.lineage", "cards.cards {new_card}", "UPDATE cards.cards SET inherits = false WHERE id = {new_card}"),
    damage("cards.limit_counter", "ledger.limits {device_limit}", f"UPDATE cards.activities SET device = 'other' WHERE {at('caught_hold')}"),
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
    damage("cards.card_newest", "cards.cards {mine}",
           "UPDATE ledger.accounts SET last_batch_id = {legs_batch}, last_ordinal = {legs_ordinal} WHERE id = {mine}"),
    damage("cards.card_newest", "cards.cards {second}", "UPDATE ledger.accounts SET last_batch_id = 0 WHERE id = {second}"),
    damage("cards.card_newest", "cards.cards {pending}", "UPDATE cards.cards SET state = 'ACTIVE' WHERE id = {pending}"),
    damage("cards.card_state", "cards.cards {blocked}", "UPDATE cards.cards SET state = 'ACTIVE' WHERE id = {blocked}"),
    damage("cards.card_state", "cards.cards {card}", "UPDATE cards.cards SET state = 'BLOCKED' WHERE id = {card}"),
    damage("cards.card_state", "cards.cards {card}", "UPDATE cards.cards SET state = 'PENDING' WHERE id = {card}"),
    # A day's sum isn't what was loaded
    damage("cards.tally", "cards.tallies 1/payer:nobody",
           "INSERT INTO cards.tallies (book, who, load_minor, since_batch_id) VALUES (1, 'payer:nobody', 5, 1)"),
    damage("cards.tally", "cards.tallies 1/root:{card}",
           "INSERT INTO cards.tallies (book, who, since_batch_id) VALUES (1, 'root:{card}', 1)"),
    # What the law noted stands in another book, or of a batch that nobody made
    *(
        damage("cards.judgement_book", f"cards.judgements {book}/{batch}/1",
               "INSERT INTO cards.judgements (book, batch_id, ordinal, card_id, point, pack, noted, pilots)"
               f" VALUES ({book}, {batch}, 1, 0, 'load', 'generic', 'said', '')")
        for book, batch in ((2, "{pay_batch}"), (1, "100000"))
    ),
    damage("cards.card_state", "cards.cards {ordered}", f"UPDATE cards.restrictions SET amount_minor = NULL WHERE {at('frozen')}"),
    # A restriction is not what its card says, or ended as it may not
    damage("cards.restriction_count", "cards.cards {ordered}", "UPDATE cards.cards SET restrictions = 0 WHERE id = {ordered}"),
    damage("cards.restriction_count", "cards.cards {ordered}", f"DELETE FROM cards.restrictions WHERE {at('frozen')}"),
    damage("cards.restriction_count", "cards.cards {second}", "UPDATE cards.cards SET restrictions = 1 WHERE id = {second}"),
    damage("cards.restriction_lifted", "cards.restrictions {seized}",
           "ALTER TABLE cards.restrictions DROP CONSTRAINT restrictions_lifted",
           f"UPDATE cards.restrictions SET lifted_kind = 'holder' WHERE {at('seized')}"),
    damage("cards.restriction_lifted", "cards.restrictions {seized}",
           "ALTER TABLE cards.restrictions DROP CONSTRAINT restrictions_ended",
           f"UPDATE cards.restrictions SET lifted_kind = NULL WHERE {at('seized')}"),
    damage("cards.restriction_lifted", "cards.restrictions {brief}",
           "ALTER TABLE cards.restrictions DROP CONSTRAINT restrictions_lapsed",
           f"UPDATE cards.restrictions SET until_at = ended_at + interval '1 s' WHERE {at('brief')}"),
    damage("cards.restriction_entries", "cards.restrictions {frozen}", f"DELETE FROM cards.activities WHERE {at('frozen')}"),
    damage("cards.restriction_entries", "cards.restrictions {frozen}", f"DELETE FROM cards.restrictions WHERE {at('frozen')}"),
    damage("cards.restriction_entries", "cards.restrictions {frozen}",
           f"UPDATE cards.restrictions SET card_id = {{second}} WHERE {at('frozen')}"),
    damage("cards.restriction_entries", "cards.restrictions {seized}",
           f"UPDATE cards.restrictions SET (ended_batch_id, ended_ordinal) = ROW({{pay_batch}}, {{pay_ordinal}}) WHERE {at('seized')}"),
    damage("cards.restriction_entries", "cards.restrictions {brief}",
           f"UPDATE cards.restrictions SET ended_as = 'carried' WHERE {at('brief')}"),
    damage("cards.restriction_entries", "cards.activities {freed_again}",
           "ALTER TABLE cards.restrictions DROP CONSTRAINT restrictions_ended",
           f"UPDATE cards.restrictions SET ended_batch_id = NULL WHERE {at('seized')}"),
    # A restriction was not continued as it says
    *(
        damage("cards.restriction_continued", "cards.restrictions {kept_on}", f"UPDATE cards.{what}")
        for what in (
            f"restrictions SET until_at = until_at + interval '1 day' WHERE {at('kept_on')}",
            f"restrictions SET until_at = NULL WHERE {at('kept_on')}",
            f"restrictions SET document = 'another' WHERE {at('kept_on')}",
            f"restrictions SET kind = 'police', temporary = true WHERE {at('kept_on')}",
            f"continuations SET until_at = until_at + interval '1 s' WHERE {at('longer_1')}",
            f"continuations SET document = 'another' WHERE {at('longer_1')}",
            f"continuations SET (restriction_batch_id, restriction_ordinal) = ROW({{frozen_batch}}, {{frozen_ordinal}})"
            f" WHERE {at('longer_2')}",
            f"activities SET card_id = {{second}} WHERE {at('longer_1')}",
        )
    ),
    damage("cards.restriction_continued", "cards.restrictions {kept_on}", f"DELETE FROM cards.continuations WHERE {at('longer_2')}"),
    damage("cards.restriction_continued", "cards.restrictions {kept_on}", f"DELETE FROM cards.activities WHERE {at('longer_1')}"),
    damage("cards.restriction_continued", "cards.activities {longer_1}", f"DELETE FROM cards.continuations WHERE {at('longer_1')}"),
    damage("cards.key_activity", KEY + "longer 1", f"DELETE FROM cards.activities WHERE {at('longer_1')}"),
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
    damage("cards.refund_parts", "cards.activities {inherited}",
           "UPDATE ledger.accounts SET successor_id = NULL WHERE id = {lost_card}"),
    # A basket or a tender is not what was paid; cashback is not what was given and taken back
    damage("cards.tender", "cards.tenders {basket}", f"UPDATE cards.tenders SET asked_minor = 1 WHERE {at('basket')}"),
    damage("cards.tender", "cards.tenders {basket}", f"DELETE FROM cards.activities WHERE {at('basket')}"),
    damage("cards.basket", "cards.activities {basket}", f"DELETE FROM cards.tenders WHERE {at('basket')}"),
    damage("cards.basket", "cards.activities {basket}", f"DELETE FROM cards.basket_lines WHERE {at('basket')} AND line = 1"),
    damage("cards.basket", "cards.activities {basket}",
           f"UPDATE cards.basket_lines SET paid_minor = paid_minor - 1 WHERE {at('basket')} AND line = 1"),
    damage("cards.basket", "cards.activities {basket}",
           f"UPDATE cards.basket_lines SET amount_minor = amount_minor + 1 WHERE {at('basket')} AND line = 2"),
    damage("cards.cashback_given", "cards.cashbacks {basket}", f"DELETE FROM cards.cashbacks WHERE {at('basket')}"),
    damage("cards.cashback_given", "cards.cashbacks {basket}", f"UPDATE cards.cashbacks SET given_minor = 16 WHERE {at('basket')}"),
    damage("cards.cashback_given", "cards.cashbacks {basket}", f"UPDATE cards.cashbacks SET day = day + 1 WHERE {at('basket')}"),
    damage("cards.cashback_given", "cards.cashbacks {basket}", f"UPDATE cards.cashbacks SET card_id = {{card}} WHERE {at('basket')}"),
    damage("cards.cashback_given", "cards.cashbacks {basket}",
           f"UPDATE cards.activities SET amount_minor = 299 WHERE {at('basket')}"),
    damage("cards.cashback_given", "cards.cashbacks {basket}", f"DELETE FROM cards.activities WHERE {at('rewarded')}"),
    damage("cards.cashback_taken", "cards.cashbacks {basket}", f"UPDATE cards.cashbacks SET taken_minor = 4 WHERE {at('basket')}"),
    damage("cards.cashback_taken", "cards.cashbacks {basket}", f"DELETE FROM cards.activities WHERE {at('fell_back')}"),
    damage("cards.cashback_taken", "cards.cashbacks {basket}",
           f"UPDATE cards.refund_totals SET refunded_minor = 300 WHERE {at('basket')}"),
    damage("cards.activity_transfer", "cards.activities {rewarded}",
           f"UPDATE ledger.transfers SET debit_account = {{shop_account}} WHERE {at('rewarded')}"),
    damage("cards.activity_transfer", "cards.activities {fell_back}",
           f"UPDATE ledger.transfers SET credit_account = {{shop_account}} WHERE {at('fell_back')}"),
    damage("cards.lot_origin", "ledger.lots {cashback_lot}", f"UPDATE cards.activities SET source = 'cash' WHERE {at('rewarded')}"),
    # A card's PIN or pay code is where it must not be
    damage("cards.pin_flag", "cards.cards {coded}", "DELETE FROM cards.pins"),
    damage("cards.pin_flag", "cards.cards {coded}", "UPDATE cards.cards SET has_pin = false WHERE id = {coded}"),
    damage("cards.pin_flag", "cards.cards {coded}", "UPDATE cards.cards SET state = 'DEACTIVATED' WHERE id = {coded}"),
    damage("cards.pin_made_for", "cards.pins {pinned}", "UPDATE cards.pins SET made_for = {uncoded} WHERE card_id = {pinned}"),
    damage("cards.pin_made_for", "cards.pins {pinned}", "UPDATE cards.pins SET made_for = {pinned_piece} WHERE card_id = {pinned}"),
    damage("cards.pin_made_for", "cards.pins {pinned_piece}",
           "UPDATE cards.cards SET parent_id = {uncoded}, root_id = {uncoded} WHERE id = {pinned_piece}"),
    damage("cards.pin_made_for", "cards.pins {repinned}", "UPDATE cards.pins SET made_for = {pinned} WHERE card_id = {repinned}"),
    damage("cards.pin_made_for", "cards.pins {new_card}",
           "INSERT INTO cards.pins SELECT {new_card}, pin_hash, tries, locked_at, changed_at, {taken} FROM cards.pins"
           " WHERE card_id = {pinned}"),
    damage("cards.pay_code_live", CODE + "{live_code}", "UPDATE cards.cards SET state = 'BLOCKED' WHERE id = {coded}"),
    damage("cards.pay_code_live", CODE + "{live_code}",
           "UPDATE ledger.accounts SET successor_id = {uncoded} WHERE id = {coded}"),
    damage("cards.pay_code_live", CODE + "{live_code}", "UPDATE cards.pay_codes SET book = 2 WHERE card_id = {coded}"),
    damage("cards.pay_code_used", CODE + "{used_code}", "UPDATE cards.pay_codes SET card_id = {uncoded} WHERE batch_id > 0"),
    damage("cards.pay_code_used", CODE + "{used_code}", "UPDATE cards.pay_codes SET ordinal = ordinal + 7 WHERE batch_id > 0"),
    damage("cards.pay_code_used", CODE + "{dead_code}",
           "UPDATE cards.pay_codes SET killed_at = NULL, (batch_id, ordinal) = ({by_code_batch}, {by_code_ordinal})"
           " WHERE code_hash = decode('{dead_code}', 'hex')"),
    # A card of a stock didn't go its way, wasn't sold for what it holds, or with a payment that others used
    *(
        damage("cards.stock_way", f"cards.stock_cards {{{name}}}", f"UPDATE {what} = {{{name}}}")
        for name, what in (
            ("stock_new", "cards.stock_cards SET state = 'PRINTED' WHERE card_id"),
            ("stock_new", "cards.cards SET state = 'ACTIVE' WHERE id"),
            ("stock_printed", "cards.stock_cards SET state = 'CREATED' WHERE card_id"),
            ("stock_printed", "cards.cards SET state = 'ACTIVE' WHERE id"),
            ("stock_in", "cards.stock_cards SET state = 'SOLD' WHERE card_id"),
            ("stock_in", "cards.cards SET state = 'ACTIVE' WHERE id"),
            ("stock_sold", "cards.stock_cards SET state = 'IN_STOCK' WHERE card_id"),
            ("stock_sold", "cards.stock_cards SET state = 'CALLED_OFF' WHERE card_id"),
            ("stock_sold", "cards.cards SET state = 'PENDING' WHERE id"),
            ("stock_lost", "cards.cards SET state = 'ACTIVE' WHERE id"),
            ("stock_lost", "cards.sales SET card_id = {stock_lost} WHERE card_id = {stock_sold} AND {stock_lost}"),
            ("stock_sold", "cards.activities SET type = 'PRINT' WHERE type = 'RECEIVE' AND card_id"),
        )
    ),
    damage("cards.stock_way", "cards.stock_cards {stock_sold}", "DELETE FROM cards.sales WHERE card_id = {stock_sold}"),
    damage("cards.stock_sale", "cards.sales {stock_sold}",
           "UPDATE cards.sales SET amount_minor = amount_minor - 1 WHERE card_id = {stock_sold}"),
    damage("cards.stock_sale", "cards.sales {stock_sold}",
           "UPDATE cards.activities SET type = 'REFUND' WHERE type = 'LOAD' AND card_id = {stock_sold}"),
    damage("cards.stock_sale", "cards.sales {stock_sold}", "UPDATE cards.payments SET source = 'debit' WHERE reference = 'slip'"),
    damage("cards.stock_sale", "cards.sales {stock_sold}",
           "UPDATE cards.cards SET active_at = NULL WHERE id = {stock_sold}"),
    damage("cards.stock_sale", "cards.sales {stock_sold}", "DELETE FROM cards.payments"),
    damage("cards.stock_sale", "cards.sales {stock_sold}", "UPDATE cards.sales SET stock_id = 1"),
    # A stock's count is not what its cards are
    damage("cards.stock_count", "cards.stock_counts {stock}/SOLD/0/hall",
           "UPDATE cards.stock_counts SET cards = cards - 1 WHERE state = 'SOLD'"),
    damage("cards.stock_count", "cards.stock_counts {stock}/PRINTED/0/", "DELETE FROM cards.stock_counts WHERE state = 'PRINTED'"),
    damage("cards.stock_count", "cards.stock_counts {stock}/IN_STOCK/0/yard",
           "UPDATE cards.stock_cards SET place = 'yard' WHERE card_id = {stock_in}"),
    damage("cards.stock_count", "cards.stock_counts {stock}/CREATED/0/",
           "INSERT INTO cards.stock_counts (stock_id, cards, merchant_id, state, place) VALUES ({stock}, 1, 0, 'CREATED', '')"),
    damage("cards.payment_used", "cards.payments 1/slip", "UPDATE cards.payments SET used_minor = used_minor - 1 WHERE reference = 'slip'"),
    damage("cards.payment_used", "cards.payments 1/slip",
           "ALTER TABLE cards.payments DROP CONSTRAINT payments_within_paid",
           "UPDATE cards.payments SET amount_minor = used_minor - 1"),
    damage("cards.payment_used", "cards.payments 1/slip", "DELETE FROM cards.sales WHERE card_id = {stock_sold}"),
    # A sale that was undone isn't, or its payment counts as refunded twice
    damage("cards.payment_refunded", "cards.payments 1/slip", "UPDATE cards.payments SET refunded_minor = 10"),
    damage("cards.payment_refunded", "cards.payments 1/back",
           "ALTER TABLE cards.payments DROP CONSTRAINT payments_refunded_within_used",
           "UPDATE cards.payments SET refunded_minor = refunded_minor * 2 WHERE reference = 'back'"),
    damage("cards.payment_refunded", "cards.payments 1/back",
           "UPDATE cards.payments SET refunded_minor = 0 WHERE reference = 'back'"),
    damage("cards.payment_refunded", "cards.payments 1/back", "DELETE FROM cards.voided_sales"),
    damage("cards.voided_sale", "cards.voided_sales {stock_void}", "DELETE FROM cards.voided_sales"),
    damage("cards.voided_sale", "cards.voided_sales {stock_void}", f"DELETE FROM cards.activities WHERE {at('void')}"),
    damage("cards.voided_sale", "cards.voided_sales {stock_void}",
           f"UPDATE cards.activities SET amount_minor = amount_minor - 1 WHERE {at('void')}"),
    damage("cards.voided_sale", "cards.voided_sales {stock_void}",
           f"UPDATE cards.activities SET source = 'debit' WHERE {at('void')}"),
    damage("cards.voided_sale", "cards.voided_sales {stock_void}",
           "UPDATE cards.sales SET amount_minor = amount_minor - 1 WHERE card_id = {stock_void}"),
    damage("cards.voided_sale", "cards.voided_sales {stock_void}", loose("accounts", "accounts_lots_agree"),
           "UPDATE ledger.accounts SET balance_minor = 1 WHERE id = {stock_void}"),
    damage("cards.voided_sale", "cards.voided_sales {stock_void}", "DELETE FROM cards.stock_steps WHERE step = 'VOID_SALE'"),
    damage("cards.voided_sale", "cards.voided_sales {stock_sold}",
           "UPDATE cards.voided_sales SET card_id = {stock_sold}"),
    damage("cards.stock_way", "cards.stock_cards {stock_void}",
           "UPDATE cards.stock_cards SET state = 'SOLD' WHERE card_id = {stock_void}"),
    damage("cards.stock_way", "cards.stock_cards {stock_void}", "DELETE FROM cards.voided_sales"),
    damage("cards.card_state", "cards.cards {stock_void}", "UPDATE cards.cards SET state = 'ACTIVE' WHERE id = {stock_void}"),
    damage("cards.activity_transfer", "cards.activities {void}",
           f"UPDATE ledger.transfers SET credit_account = {{expired_account}} WHERE {at('void')}"),
    damage("cards.activity_transfer", "cards.activities {void_bonus}",
           f"UPDATE cards.activities SET source = 'cash' WHERE {at('void_bonus')}"),
    damage("cards.activity_chain", "cards.activities {void_bonus}",
           f"UPDATE cards.activities SET amount_minor = amount_minor + 1 WHERE {at('void_bonus')}"),
    damage("cards.activity_key", "cards.activities {void}", "DELETE FROM ledger.idempotency WHERE key = 'voiding it'"),
    damage("cards.key_activity", KEY + "voiding it", f"DELETE FROM cards.activities WHERE {at('void')}"),
    damage("cards.refund_parts", "cards.activities {moved}", "UPDATE cards.cards SET holder_ref = 'mallory' WHERE id = {stand_in}"),
    damage("cards.refund_parts", "cards.activities {moved}", "UPDATE cards.cards SET programme_id = 1 WHERE id = {stand_in}"),
    # A card ended or goes on otherwise than its history says
    damage("cards.closed_card", "cards.cards {mine}", "UPDATE cards.cards SET state = 'DEACTIVATED' WHERE id = {mine}"),
    damage("cards.card_state", "cards.cards {closed}", "UPDATE cards.cards SET state = 'ACTIVE' WHERE id = {closed}"),
    damage("cards.card_expiry", "cards.cards {stand_in}",
           "UPDATE cards.cards SET expires_at = expires_at + interval '1 day' WHERE id = {stand_in}"),
    damage("cards.card_expiry", "cards.cards {stand_in}", "UPDATE cards.cards SET expires_at = NULL WHERE id = {stand_in}"),
    damage("cards.card_expiry", "cards.cards {mine}", "UPDATE cards.cards SET expires_at = now() WHERE id = {mine}"),
    damage("cards.card_expiry", "cards.cards {stand_in}", "DELETE FROM cards.expiries WHERE card_id = {stand_in}"),
    damage("cards.card_expiry", "cards.cards {stand_in}", f"DELETE FROM cards.activities WHERE {at('prolonged')}"),
    damage("cards.card_expiry", "cards.cards 10000",
           "INSERT INTO cards.expiries (card_id, batch_id, expires_at) VALUES (10000, 1, now())"),
    # Nobody would ever look at a card to remind its holder
    damage("cards.reminder_line", "cards.reminders {mine}", "DELETE FROM cards.reminders WHERE card_id = {mine}"),
    damage("cards.reminder_line", "cards.reminders {mine}", "UPDATE cards.reminders SET programme_id = 1 WHERE card_id = {mine}"),
    damage("cards.reminder_line", "cards.reminders {mine}", "DELETE FROM cards.cards WHERE id = {mine}"),
    damage("cards.payout_register", "cards.payouts {closing}", f"DELETE FROM cards.payouts WHERE {at('closing')}"),
    damage("cards.payout_register", "cards.payouts {closing}", f"DELETE FROM cards.activities WHERE {at('closing')}"),
    damage("cards.payout_register", "cards.payouts {closing}",
           f"UPDATE cards.payouts SET amount_minor = amount_minor + 1 WHERE {at('closing')}"),
    damage("cards.payout_register", "cards.payouts {closing}",
           f"UPDATE cards.payouts SET fee_minor = fee_minor + 1 WHERE {at('closing')}"),
    damage("cards.payout_register", "cards.payouts {closing}", f"UPDATE cards.payouts SET book = 2 WHERE {at('closing')}"),
    damage("cards.payout_register", "cards.payouts {closing}", f"UPDATE cards.payouts SET card_id = {{mine}} WHERE {at('closing')}"),
    damage("cards.activity_transfer", "cards.activities {closing}",
           f"UPDATE ledger.transfers SET credit_account = {{expired_account}} WHERE {at('closing')}"),
    damage("cards.activity_chain", "cards.activities {charged}",
           f"UPDATE cards.activities SET amount_minor = amount_minor + 1 WHERE {at('charged')}"),
    damage("cards.activity_key", "cards.activities {closing}", "DELETE FROM ledger.idempotency WHERE key = 'closing'"),
    damage("cards.key_activity", KEY + "closing", f"DELETE FROM cards.activities WHERE {at('closing')}"),
]  # fmt: skip


async def tell_of_stock(within, run, keyring, programme, facts, places):
    """Cards of a stock, one in each state, and one whose sale was undone."""
    wish = cards.CreateStock(key="stock", programme_id=programme.id, count=6, design="spring", made_by="Li Na")
    (stock,) = await within(lambda tx: cards.run(tx, 1, [wish], keyring))
    members = await within(lambda tx: cards.page_stock_cards(tx, 1, stock.id, 0, 9))
    names = ("stock_printed", "stock_in", "stock_sold", "stock_lost", "stock_void", "stock_new")
    ids = {name: member.card_id for name, member in zip(names, members, strict=True)}
    facts |= {**ids, "stock": stock.id}
    for command in (
        cards.Print(key="printing", stock_id=stock.id, first=1, last=5, made_by="Wu"),
        cards.Receive(key="receiving", stock_id=stock.id, first=2, last=5, place="hall", made_by="Wu"),
        cards.WriteOff(key="writing", cards=(ids["stock_lost"],), reason="burnt", made_by="Wu"),
        cards.Sell(
            key="selling", card=ids["stock_sold"], amount_minor=50, asset="CNY", source=FundingSource.CASH,
            payment_ref="slip", payment_minor=60, till="one", clerk="Wu", place="hall",
        ),
        cards.Sell(
            key="selling it", card=ids["stock_void"], amount_minor=50, asset="CNY", source=FundingSource.CASH,
            payment_ref="back", payment_minor=60, till="one", clerk="Wu", place="hall",
        ),
        cards.Load(key="gladly", card=ids["stock_void"], amount_minor=5, asset="CNY", source=FundingSource.BONUS),
        cards.VoidSale(key="voiding it", card=ids["stock_void"], reason="tricked", made_by="Wu"),
    ):  # fmt: skip
        done = await run(command)
        assert not isinstance(done, Refused), done
    places["void"], places["void_bonus"] = done.place, done.place._replace(ordinal=done.place.ordinal + 1)


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
            cards.Issue(key=name, programme_id=programme.id, active=name != "pending")
            for name in ("card", "second", "blocked", "pending")
        ]
        made = await within(lambda tx, b=book, w=wishes: cards.run(tx, b, w, keyring))
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
    undo = cards.Reverse(key="undo", redemption_key="lost")
    places["undone"] = (await run(redeem(second, 20, "lost"), undo)).place
    await run(cards.Reverse(key="bar", redemption_key="barred"))
    assert (await run(redeem(second, 5, "barred"))).code == "cards.reversed_before"
    places["blocking"] = (await run(cards.Block(key="blocking", card=blocked))).place
    assert (await run(redeem(card, 4000, "no"))).code == "cards.insufficient_balance"
    memory = await within(lambda tx: ledger.outcome_of_key(tx, 1, "no"))
    places["no"] = memory.place
    bare = Posting("bare", shop.account_id, other.account_id, 3, "CNY", "test", memory_time(made))
    (places["bare"],) = await within(lambda tx: post(tx, 1, [bare]))
    await run(redeem(card, 1, "last"))
    facts["second_lot"] = (await within(lambda tx: ledger.lots_of(tx, 1, second)))[0].id
    await tell_of_lots(within, run, keyring, shop, facts, places)
    await tell_of_restrictions(within, run, keyring, programme, shop, facts, places)
    await tell_of_a_basket(Counter(db, keyring), facts, places)
    await tell_of_secrets(within, run, keyring, shop, programme, facts, places)
    await tell_of_stock(within, run, keyring, programme, facts, places)
    await tell_of_ends(within, run, keyring, shop, facts, places)
    for name, place in places.items():
        facts |= {
            name: f"{place.batch_id}/{place.ordinal}",
            f"{name}_batch": place.batch_id,
            f"{name}_ordinal": place.ordinal,
        }
    facts["legs_second"] = f"{places['legs'].batch_id}/{places['legs'].ordinal + 1}"
    return facts


async def tell_of_restrictions(within, run, keyring, programme, shop, facts, places):
    """A card that pays and is split, and is then restricted: what is in force, was lifted, and has lapsed."""
    wish = cards.Issue(key="ordered", programme_id=programme.id)
    (made,) = await within(lambda tx: cards.run(tx, 1, [wish], keyring))
    card = facts["ordered"] = made.card.id
    await run(cards.Load(key="ordered load", card=card, amount_minor=90, asset="CNY", source=FundingSource.CASH))
    wish = cards.SpendSplit(key="spent", card=card, merchant_id=shop.id, amount_minor=30, asset="CNY")
    (spent,) = await within(lambda tx: cards.run(tx, 1, [wish], keyring))
    place = places["spent"] = spent.activity.place
    places["spent_gave"] = place._replace(ordinal=place.ordinal + 1)
    places["spent_came"] = spent.cards[0].card.newest
    order = {"card": card, "authority": "Police of Xuhui", "document": "7", "made_by": "wu"}
    police, court = cards.RestrictionKind.POLICE, cards.RestrictionKind.COURT
    places["seized"] = (await run(cards.Restrict(key="seized", kind=police, **order))).place
    places["freed_again"] = (
        await run(cards.Lift(key="freed again", restriction=places["seized"], kind=police, **order))
    ).place
    places["frozen"] = (
        await run(cards.Restrict(key="frozen", kind=court, amount_minor=20, asset="CNY", **order))
    ).place
    term = {"kind": court, "amount_minor": 5, "asset": "CNY", "until": START + 80 * DAY}
    places["kept_on"] = (await run(cards.Restrict(key="kept on", **term, **order))).place
    for number in (1, 2):
        longer = cards.Continue(
            key=f"longer {number}", restriction=places["kept_on"], kind=court, until=START + (80 + number) * DAY, **order
        )  # fmt: skip
        places[f"longer_{number}"] = (await run(longer)).place
    brief = cards.Restrict(key="brief", kind=police, temporary=True, **order)
    places["brief"] = (await run(brief)).place
    await within(lambda tx: ledger.advance_clock(tx, 1, START + 5 * DAY))
    await run(cards.Refund(key="after", redemption=place, amount_minor=5, asset="CNY"))


LIMITS = {
    "card": Limit((Subject.CARD,), Flow.REDEEM, Per.LIFETIME, max_minor=1000),
    "holder": Limit((Subject.HOLDER,), Flow.REDEEM, Per.MONTH, max_minor=2000),
    "device": Limit((Subject.DEVICE,), Flow.REDEEM, Per.ROLLING, 86_400, max_count=50),
    "pair": Limit((Subject.HOLDER, Subject.RECIPIENT), Flow.TRANSFER, Per.DAY, max_minor=100),
    "load": Limit((Subject.CARD,), Flow.LOAD, Per.DAY, max_minor=1000),
    "card_device": Limit((Subject.CARD, Subject.DEVICE), Flow.REDEEM, Per.LIFETIME, max_minor=1000),
}


async def tell_of_lots(within, run, keyring, shop, facts, places):
    """Lots of several kinds, holds that end in every way or don't, gifts, corrections, expiry, and limits on all of it."""
    await within(lambda tx: ledger.advance_clock(tx, 1, START))
    wish = cards.CreateProgramme("counted", "Counted", asset("CNY"), "900002", limits=tuple(LIMITS.values()))
    (programme,) = await within(lambda tx: cards.create_programmes(tx, 1, [wish]))
    facts |= {f"{name}_limit": made.id for name, made in zip(LIMITS, programme.limits, strict=True)}
    holders = {"mine": "ann", "gift": "bob", "lapsing": None, "lost_card": None, "whole": "eve",
               "waiting": None, "taken": None, "ungiven": None}  # fmt: skip
    wishes = [cards.Issue(key=name, programme_id=programme.id, holder_ref=holder) for name, holder in holders.items()]
    made = await within(lambda tx: cards.run(tx, 1, wishes, keyring))
    ids = {name: issued.card.id for name, issued in zip(holders, made, strict=True)}
    mine, gift, lapsing = ids["mine"], ids["gift"], ids["lapsing"]

    async def do(name, kind, **what):
        if kind in (cards.Load, cards.Redeem, cards.Authorise, cards.Transfer, cards.Adjust):
            what["asset"] = "CNY"
        if kind in (cards.Redeem, cards.Authorise):
            what["merchant_id"] = shop.id
        done = await run(kind(key=name, **what))
        assert not isinstance(done, Refused), (name, done)
        places[name] = done.place
        return done

    await do("bonus", cards.Load, card=mine, amount_minor=100, source=FundingSource.BONUS, expires_at=START + 60 * DAY)
    await do(
        "cash", cards.Load, card=mine, amount_minor=300, source=FundingSource.CASH, payer="ann", refund_to="ann's bank"
    )
    await do("held", cards.Authorise, card=mine, amount_minor=60, ttl_s=10 * 86_400)
    await do("legs", cards.Redeem, card=mine, amount_minor=50, device="till")
    await do("part", cards.Authorise, card=mine, amount_minor=30, ttl_s=9 * 86_400, device="till")
    places["caught_hold"] = places["part"]
    await do("caught", cards.Capture, hold=places["part"], amount_minor=10)
    await do("dropped", cards.Authorise, card=mine, amount_minor=5, device="till")
    await do("voiding", cards.Void, hold=places["dropped"])
    await do("ended", cards.Authorise, card=mine, amount_minor=9)
    done = await do("final", cards.Capture, hold=places["ended"], amount_minor=4, final=True)
    places["freed"] = done.place._replace(ordinal=done.place.ordinal + 1)
    await do("late", cards.Authorise, card=mine, amount_minor=7, ttl_s=86_400)
    done = await do(
        "sent", cards.Transfer, card=mine, to_card=gift, amount_minor=50, purpose=cards.Purpose.GIFT, recipient="bob"
    )
    places["came"] = done.place._replace(ordinal=done.place.ordinal + 1)
    await do(
        "up", cards.Adjust, card=gift, amount_minor=20, increment=True, reason="sorry", made_by="ann", approved_by="bob"
    )
    await do(
        "down",
        cards.Adjust,
        card=gift,
        amount_minor=5,
        increment=False,
        reason="too much",
        made_by="ann",
        corrects=places["up"],
    )
    await do("short", cards.Load, card=lapsing, amount_minor=40, source=FundingSource.CASH, expires_at=START + DAY)
    await do("long", cards.Load, card=lapsing, amount_minor=30, source=FundingSource.CASH, expires_at=START + 9 * DAY)
    await do("lost_load", cards.Load, card=ids["lost_card"], amount_minor=50, source=FundingSource.CASH)
    await do("lost_pay", cards.Redeem, card=ids["lost_card"], amount_minor=20)
    await do("lost_undone", cards.Redeem, card=ids["lost_card"], amount_minor=5, device="counter")
    await do("lost_kept", cards.Redeem, card=ids["lost_card"], amount_minor=3, device="counter")
    wish = cards.Replace(key="replaced", card=ids["lost_card"], reason=cards.ReplaceReason.LOST)
    (made,) = await within(lambda tx: cards.run(tx, 1, [wish], keyring))
    places["replaced"], facts["heir"] = made.activity.place, made.cards[0].card.id
    await do("lost_undoing", cards.Reverse, redemption=places["lost_undone"])
    await do("inherited", cards.Refund, redemption=places["lost_pay"], amount_minor=5, asset="CNY")
    await within(lambda tx: ledger.advance_clock(tx, 1, START + 2 * DAY))
    await do("lapsed", cards.Expire, card=lapsing)
    await do("renewed", cards.Renew, card=lapsing, expires_at=START + 99 * DAY)
    await do("whole_load", cards.Load, card=ids["whole"], amount_minor=100, source=FundingSource.CASH)
    await do("whole_pay", cards.Redeem, card=ids["whole"], amount_minor=7, device="counter")
    wish = cards.Split(key="split", card=ids["whole"], pieces=(30, 20), asset="CNY")
    (pieces,) = await within(lambda tx: cards.run(tx, 1, [wish], keyring))
    places["split"] = pieces.activity.place
    places["piece"] = pieces.cards[0].card.newest
    facts |= {"piece_card": pieces.cards[0].card.id, "piece_two": pieces.cards[1].card.id}
    await tell_of_gifts(within, do, keyring, ids, facts, places)
    done = await do("newest", cards.Redeem, card=mine, amount_minor=1)
    # Before the command is judged, what the hold reserved is given free: as an entry of its own in its batch.
    history, _ = await within(lambda tx: cards.activities_of_card(tx, 1, mine, done.place, 10))
    (places["late_freed"],) = [e.place for e in history if e.type == "RELEASE" and e.hold == places["late"]]
    lots = await within(lambda tx: ledger.lots_of(tx, 1, mine))
    facts |= ids | {"bonus_lot": lots[0].id, "mine_lot": lots[1].id}
    facts["gift_lot"] = (await within(lambda tx: ledger.lots_of(tx, 1, gift)))[0].id

    async def ask(tx):
        accounts = dict(await tx.rows("SELECT purpose, account_id FROM cards.programme_accounts"))
        return accounts, await tx.value("SELECT id FROM ledger.subjects WHERE ref = 'holder:ann'")

    accounts, facts["ann"] = await within(ask)
    facts |= {f"{purpose}_account": account for purpose, account in accounts.items()}


async def tell_of_a_basket(counter, facts, places):
    """A basket of which a part was payable, and its cashback, of which a part fell back."""
    cashback = {"rates_bps": {"dining": 500}}
    programme = await documented(counter, accepts={"goods": {"classes": ["tea"]}}, cashback=cashback)
    shop, card = await counter.merchant(), await counter.card(programme, 1000, holder_ref="ann")
    lines = (Line("tea-1", "tea", 200), Line("gin-1", "spirits", 400), Line("tea-2", "tea", 100))
    paid = await counter.do(counter.redeem(card, shop, 700, lines=lines, partial=True))
    await counter.do(counter.refund(100, of=paid))
    fell_back, _, rewarded, *_ = await counter.history(card)
    places |= {"basket": paid.place, "rewarded": rewarded.place, "fell_back": fell_back.place}
    lots = await counter.within(lambda tx: ledger.lots_of(tx, 1, card))
    (facts["cashback_lot"],) = [lot.id for lot in lots if lot.source == "bonus"]


async def tell_of_gifts(within, do, keyring, ids, facts, places):
    """A gift that waits, one that was claimed, and one that its giver took back."""
    for name in ("waiting", "taken", "ungiven"):
        await do(f"{name}_load", cards.Load, card=ids[name], amount_minor=10, source=FundingSource.CASH)
        wish = cards.GiveGift(key=f"give_{name}", card=ids[name], words=cards.Words("生日快乐"))
        (given,) = await within(lambda tx, wish=wish: cards.run(tx, 1, [wish], keyring, Vault(keyring)))
        places[f"give_{name}"] = given.gift.place
        if name == "taken":
            token_hash = cards.token_hash(keyring, given.token)
            claim = cards.ClaimGift(key="claim", gift=given.gift.place, token_hash=token_hash)
            (made,) = await within(lambda tx, claim=claim: cards.run(tx, 1, [claim], keyring))
            places["claim"], facts["new_card"] = made.activity.place, made.cards[0].card.id
    await do("took_back", cards.WithdrawGift, gift=places["give_ungiven"])


async def tell_of_secrets(within, run, keyring, shop, programme, facts, places):
    """A card with a PIN that pays by codes: one is used, one is dead, one lives."""
    wishes = [cards.Issue(key=f"coded {n}", programme_id=programme.id) for n in range(2)]
    coded, other = (one.card.id for one in await within(lambda tx: cards.run(tx, 1, wishes, keyring)))
    await run(cards.Load(key="coded load", card=coded, amount_minor=50, asset="CNY", source=FundingSource.CASH))
    await run(cards.SetPin(key="pin", card=coded, pin=cards.pin_of(keyring, "274916")))
    for name in ("used", "dead", "live"):
        wish = [cards.MakePayCode(coded)]
        (made,) = await within(lambda tx, w=wish: cards.make_pay_codes(tx, 1, w, keyring))
        code = cards.pay_code_of(keyring, made.code)
        facts[f"{name}_code"] = code.hex()
        if name == "used":
            done = await run(cards.Redeem(key="by code", card=code, merchant_id=shop.id, amount_minor=10, asset="CNY"))
            places["by_code"] = done.place
    facts |= {"coded": coded, "uncoded": other}
    await tell_of_kept_pins(within, run, keyring, programme, facts)


async def tell_of_kept_pins(within, run, keyring, programme, facts):
    """A card with a PIN that two pieces keep, one of which is replaced; the other one gets a PIN of its own."""

    async def mint(wish):
        (made,) = await within(lambda tx: cards.run(tx, 1, [wish], keyring))
        return made

    def pin(text):
        return cards.pin_of(keyring, text)

    pinned = (await mint(cards.Issue(key="pinned", programme_id=programme.id, pin=pin("274916")))).card.id
    await run(cards.Load(key="pinned load", card=pinned, amount_minor=50, asset="CNY", source=FundingSource.CASH))
    made = await mint(cards.Split(key="pinned split", card=pinned, pieces=(10, 20), asset="CNY"))
    kept, repinned = (piece.card.id for piece in made.cards)
    change = cards.ChangePin(key="repinned", card=repinned, old_pin=pin("274916"), pin=pin("805263"), device="app")
    await run(change)
    made = await mint(cards.Replace(key="pinned anew", card=kept, reason=cards.ReplaceReason.DAMAGED))
    facts |= {"pinned": pinned, "pinned_piece": made.cards[0].card.id, "repinned": repinned}


async def tell_of_ends(within, run, keyring, shop, facts, places):
    """Under a document: a card is closed with a fee, its goods come back to another one, and that one is renewed."""
    wish = cards.CreateProgramme("lasting", "Lasting", asset("CNY"), "900003")
    (programme,) = await within(lambda tx: cards.create_programmes(tx, 1, [wish]))
    validity = {"days": 3, "renewal": "on_request"}
    document = text_of(
        effective_on="2020-01-01", number_prefix="900003", scenarios={"offline_retail": "ecommerce"},
        policy={"pack": "sandbox"}, sandbox_only=True, withdrawal={"fee_bps": 150},
        kinds={"registered": {"validity": validity}},
    )  # fmt: skip
    put = PutVersion("lasting version", programme.id, document, "Li Na")
    await within(lambda tx: cards.put_versions(tx, 1, [put]))
    wishes = [cards.Issue(key=name, programme_id=programme.id, holder_ref="ann") for name in ("closed", "stand_in")]
    made = await within(lambda tx: cards.run(tx, 1, wishes, keyring))
    facts["closed"], facts["stand_in"] = closed, stand_in = [issued.card.id for issued in made]

    async def do(name, command):
        done = await run(command)
        assert not isinstance(done, Refused), (name, done)
        places[name] = done.place

    cash = FundingSource.CASH
    await do("filled", cards.Load(key="filled", card=closed, amount_minor=1000, asset="CNY", source=cash))
    await do("bought", cards.Redeem(key="bought", card=closed, merchant_id=shop.id, amount_minor=300, asset="CNY"))
    ending = cards.Close(key="closing", card=closed, reason="asked for", made_by="clerk", paid_to=cards.PaidTo.CASH)
    await do("closing", ending)
    places["charged"] = places["closing"]._replace(ordinal=places["closing"].ordinal + 1)
    moved = cards.Refund(key="moved", redemption=places["bought"], amount_minor=200, asset="CNY", to_card=stand_in)
    await do("moved", moved)
    await within(lambda tx: ledger.advance_clock(tx, 1, START + 7 * DAY))
    await do("prolonged", cards.Renew(key="prolonged", card=stand_in))
    # The newest batch of a story moves value.
    await do("at_last", cards.Redeem(key="at last", card=stand_in, merchant_id=shop.id, amount_minor=10, asset="CNY"))


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
