"""Opening a desk: the locks, and all that the rules will ask for, mostly in one round trip."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from koudai.base import asset
from koudai.cards.commands import (
    Adjust,
    Close,
    Command,
    Exchange,
    Expire,
    Issue,
    Load,
    Refund,
    Renew,
    Replace,
    Reverse,
    SpendSplit,
    Split,
    Transfer,
)
from koudai.cards.count_on import spans_of_pairs
from koudai.cards.desk import Desk, HeldCard, Redemption
from koudai.cards.gifts.model import ClaimGift
from koudai.cards.gifts.store import as_held_gift, gifts_statement
from koudai.cards.law.gather import gather
from koudai.cards.model import CardState, Lineage
from koudai.cards.named import Named
from koudai.cards.restrict.commands import (
    Restrict,
)
from koudai.cards.secrets.store import devices_of_pins, lay_out_secrets, secrets_statements, subject_of
from koudai.cards.spend.store import REWARDED, days_of, recall_cashback, rewarding
from koudai.cards.stock.model import MAX_STOCK, CreateStock, Sell
from koudai.cards.stock.store import read_shelf, touches_stock
from koudai.cards.store import SQL, as_order, as_restriction, by_place
from koudai.cards.terms import BookTerms, Terms, terms_of_book
from koudai.holders import as_standings, standings_statement
from koudai.ledger import (
    Place,
    Sheet,
    add_provenances,
    add_subjects,
    as_drawn,
    as_hold,
    as_keys,
    begin_statement,
    drawn_statement,
    fresh_ids_statement,
    holds_of_groups_statement,
    holds_statement,
    lock_statement,
    lock_subjects_statement,
    lots_statement,
    open_accounts,
    open_holds_statement,
    recall_statement,
    sheet_from,
    subjects_between_statement,
)
from koudai.merchants import Merchant, as_merchants, find_statement, known_merchants
from koudai.pg import Conflict, Tx, columns, int4s, int8s
from koudai.programmes import Charter, Kind, charter_of_book, count_charter_statement

Row = Sequence[Any]
Statement = tuple[Any, ...]

_ISSUE: set[type[Command]] = {Issue, CreateStock}
_FRESH: set[type[Command]] = {Load, Adjust, Sell, *_ISSUE}
_CARRY: set[type[Command]] = {Transfer, Renew, Refund, Reverse, Split, SpendSplit, Replace, ClaimGift, Exchange, Close}
_STATES = {state.value: state for state in CardState}


async def open_desk(tx: Tx, book: int, named: Named, terms: BookTerms) -> Desk:
    """Lock the cards and whose flows are counted, read what the rules ask for, and begin a batch."""
    merchants = known_merchants(tx, book)
    statements = _statements(book, named, terms, merchants)
    rows = dict(zip(statements, await tx.together(*statements.values()), strict=True))
    wanted = _programmes_issued(named)
    counted, charter = await charter_of_book(tx, book, rows["charter"])
    known = await terms_of_book(tx, book, {row[2] for row in rows["cards"]} | wanted, counted)
    sheet = sheet_from(
        book, rows["batch"], rows["lock"], as_keys(rows["keys"]), rows.get("subjects", ()), rows.get("fresh", ())
    )
    merchants |= as_merchants(rows.get("merchants", ()))
    add_subjects(sheet, (row for row in rows.get("pairs", ()) if row[1] not in sheet.subjects))
    desk = _lay_out(sheet, named, known, charter, merchants, rows)
    await _read_holds(tx, book, desk, named, known, rows)
    restricted = [row[0] for row in rows["cards"] if row[9]]
    if restricted:
        await _read_restrictions(tx, desk, restricted)
    if named.kinds & _CARRY:
        await _read_lots(tx, desk, named)
    if named.kinds & {Refund, Reverse, *REWARDED}:
        await recall_cashback(tx, desk, named, merchants)
    if named.kinds & {Adjust, Expire, Replace, Close}:
        await _open_accounts(tx, desk)
    if touches_stock(named.kinds):
        await read_shelf(tx, desk, named.commands, named.members)
    if charter.promises:
        await gather(tx, desk, commands=named.commands)
    return desk


def _programmes_issued(named: Named) -> set[int]:
    """The programmes under which cards are made."""
    if not named.kinds & _ISSUE:
        return set()
    return {c.programme_id for c in named.commands if isinstance(c, (Issue, CreateStock))}


async def _read_restrictions(tx: Tx, desk: Desk, card_ids: list[int]) -> None:
    """What is stacked on the cards that are restricted."""
    for row in await tx.rows(SQL["open_restrictions"], int8s(card_ids)):
        one = as_restriction(row)
        desk.cards[one.card_id].restrictions += (one,)


def _statements(
    book: int, named: Named, terms: BookTerms, merchants: Mapping[int, Merchant]
) -> dict[str, Statement]:  # fmt: skip
    """What is sent at once: the locks first, then what they protect, and the batch last."""
    commands, card_ids = named.commands, named.card_ids()
    statements: dict[str, Statement] = {"lock": lock_statement(book, card_ids)}
    refs, pairs = named.counted(terms)
    devices = devices_of_pins(named)
    refs |= named.new_holders() | {subject_of(device) for device in devices or ()}
    if refs or pairs or (terms.count_holders and (terms.bound_holders or not named.changes_no_counter())):
        statements["subjects"] = lock_subjects_statement(book, card_ids, refs, pairs)
    spans = spans_of_pairs(terms, named.parents())
    if spans:
        # Whoever would count in a pair with a card has to lock that card first.
        statements["pairs"] = subjects_between_statement(book, spans)
    statements["cards"] = (SQL["read_cards"], book, int8s(card_ids))
    freezing = [named.card_id(c.card) for c in commands if isinstance(c, Restrict) and c.temporary]
    if freezing:
        statements["frozen"] = (SQL["temporary_freezes"], int8s([one for one in freezing if one is not None]))
    statements |= secrets_statements(book, named, card_ids, devices)
    merchant_ids = {one for c in commands if (one := getattr(c, "merchant_id", None)) is not None}
    merchant_ids |= {row[3] for row in named.redemptions}
    unknown = merchant_ids - merchants.keys()
    if unknown:
        statements["merchants"] = find_statement(book, unknown)
    statements |= _what_was_paid(book, named) | _what_is_made(book, named)
    keys = {c.key for c in commands}
    if Reverse in named.kinds:
        keys |= {c.redemption_key for c in commands if isinstance(c, Reverse) and c.redemption_key is not None}
    statements["keys"] = recall_statement(book, keys)
    statements["batch"] = begin_statement(book)
    # Counted once the batch has begun: what is put after that waits for its end.
    statements["charter"] = count_charter_statement(book)
    return statements


def _what_was_paid(book: int, named: Named) -> dict[str, Statement]:
    """Redemptions and holds that are undone, captured or given free."""
    statements: dict[str, Statement] = {}
    wanted = named.refund_pairs() if Refund in named.kinds else {}
    if wanted:
        statements["refundable"] = (
            SQL["refundable"],
            *columns((int8s, int4s, int8s), [(*pair, need) for pair, need in wanted.items()]),
        )
    if named.redemptions:
        statements["redemptions"] = by_place(SQL["redemptions"], [Place(r[0], r[1]) for r in named.redemptions])
    if named.holds:
        statements["holds"] = holds_statement(book, named.holds)
        if named.groups:
            statements["groups"] = holds_of_groups_statement(book, named.groups)
        statements["merchants_of_holds"] = by_place(SQL["merchants_of_holds"], named.holds)
    return statements


def _what_is_made(book: int, named: Named) -> dict[str, Statement]:
    """Ids for new cards and lots, what is corrected, and where the cards come from that are split."""
    statements: dict[str, Statement] = {}
    if named.roots:
        statements["pieces"] = (SQL["count_pieces"], book, int8s(sorted(set(named.roots.values()))))
    if named.gifts:
        statements["gifts"] = gifts_statement(book, named.gifts)
        statements["standings"] = standings_statement(book, named.claimers())
    if named.kinds & _FRESH:
        corrected = {c.corrects for c in named.commands if isinstance(c, Adjust) and c.corrects is not None}
        if corrected:
            statements["corrected"] = by_place(SQL["cards_of_entries"], corrected)
        needed = sum(isinstance(c, (Load, Adjust, Issue, Sell)) for c in named.commands)
        needed += sum(1 + max(0, min(c.count, MAX_STOCK)) for c in named.commands if isinstance(c, CreateStock))
        statements["fresh"] = fresh_ids_statement(needed)
    return statements


def _lay_out(
    sheet: Sheet, named: Named, terms: BookTerms, charter: Charter, merchants: Mapping[int, Merchant],
    rows: Mapping[str, Sequence[Row]],
) -> Desk:  # fmt: skip
    """The desk from what the database answered."""
    desk = Desk(sheet, terms, charter)
    for row in rows["cards"]:
        _hold(desk, row)
    for row in rows.get("frozen", ()):
        desk.cards[row[0]].frozen_by.add(as_order(row))
    desk.ids_of_numbers = named.ids_of_numbers
    lay_out_secrets(desk, rows)
    desk.keys_before_lock = set(named.keys)
    desk.merchants = merchants
    desk.hands = named.hands
    desk.pieces = {row[0]: row[1] for row in rows.get("pieces", ())}
    for row in rows.get("redemptions", ()):
        desk.redemptions[Place(row[0], row[1])] = _redemption(row)
    for row in rows.get("refundable", ()):
        place = Place(row[0], row[1])
        redemption = desk.redemptions.setdefault(place, _redemption(row))
        desk.refundable.setdefault((redemption.card_id, redemption.merchant_id), []).append(redemption)
    desk.corrected = {Place(row[0], row[1]): row[2] for row in rows.get("corrected", ())}
    desk.gifts.held = {gift.place: gift for gift in map(as_held_gift, rows.get("gifts", ()))}
    desk.standings = as_standings(rows.get("standings", ()))
    desk.tracks_redemptions = bool(named.kinds & {Refund, Reverse})
    return desk


def _hold(desk: Desk, row: Row) -> None:
    """A card on the desk, from its row."""
    (card_id, state, programme_id, holder_ref, issued_at, promised_at, root_id, parent_id, generation, _,
     given_until, has_pin, active_at, expires_at, inherits) = row  # fmt: skip
    sheet, promised = desk.sheet, desk.promised(programme_id, promised_at)
    kind = Kind.BEARER if holder_ref is None else Kind.REGISTERED
    card = desk.cards[card_id] = HeldCard(
        sheet.pockets[card_id], _STATES[state], desk.terms.of(programme_id, promised, kind), holder_ref, issued_at,
        promised_at, Lineage(root_id, parent_id, generation, inherits), promised,
        given_until if given_until is not None and given_until > sheet.now else None, expires_at, has_pin=has_pin,
    )  # fmt: skip
    if not card.pocket.balance_minor:
        desk.were_empty.add(card_id)
    if active_at is not None and active_at > sheet.now:
        card.waits_until = active_at


def _redemption(row: Row) -> Redemption:
    batch_id, ordinal, card_id, merchant_id, paid, refunded, at, device, whole, paid_at, lead = row
    place = Place(batch_id, ordinal)
    return Redemption(
        place, card_id, merchant_id, paid, refunded, at, device, whole=whole, paid_at=paid_at, lead=lead
    )  # fmt: skip


async def _read_holds(
    tx: Tx, book: int, desk: Desk, named: Named, terms: BookTerms, rows: Mapping[str, Sequence[Row]]
) -> None:
    """The holds that are named, and those of the locked cards whose time is over."""
    for row in (*rows.get("holds", ()), *rows.get("groups", ())):
        hold = desk.add_hold(as_hold(row))
        if hold.account not in desk.cards:
            raise Conflict("a hold joined its group while that waited to be captured")
    desk.merchants_of_holds |= {Place(r[0], r[1]): r[2] for r in rows.get("merchants_of_holds", ())}
    now = desk.sheet.now
    due = [card.id for card in desk.cards.values() if card.pocket.due_at is not None and card.pocket.due_at <= now]
    found = [desk.add_hold(as_hold(row)) for row in await tx.rows(*open_holds_statement(due))] if due else []
    for card_id in due:
        left = [h.expires_at for h in found if h.account == card_id and not h.is_due(now)]
        desk.cards[card_id].pocket.due_at = min(left, default=None)
    unknown = [place for place in desk.holds if place not in desk.merchants_of_holds]
    if not unknown:
        return
    statements: list[Statement] = [by_place(SQL["merchants_of_holds"], unknown)]
    late = Named(())
    late.holds = {hold.place: (hold.account, hold.device) for hold in found if hold.is_due(now)}
    refs, pairs = late.counted(terms)
    if due and (refs or pairs or terms.count_holders):
        statements.append(lock_subjects_statement(book, due, refs, pairs))
    merchants, *subjects = await tx.together(*statements)
    desk.merchants_of_holds |= {Place(r[0], r[1]): r[2] for r in merchants}
    for subject_rows in subjects:
        add_subjects(desk.sheet, subject_rows)


async def _read_lots(tx: Tx, desk: Desk, named: Named) -> None:
    """Which lots the redemptions drew, the provenance of all lots, and ids for those that will be made."""
    sheet, places = desk.sheet, list(desk.redemptions)
    drawn, lots = await tx.together(drawn_statement(places), lots_statement(places, list(desk.cards)))
    for place, parts in as_drawn(drawn).items():
        desk.redemptions[place].drawn = parts
    add_provenances(sheet, lots)
    needed = _new_lots(desk, named)
    if needed:
        sheet.fresh_ids += [row[0] for row in await tx.rows(*fresh_ids_statement(needed))]


def _new_lots(desk: Desk, named: Named) -> int:  # noqa: C901 one branch a command
    """How many lots the commands may make at most.

    A card has no more lots than there are strains in the whole batch, so value that is sent to and fro
    makes few. What is undone may bring as many lots back to life as a redemption drew.
    """
    lots = Counter({card.id: card.pocket.count_lots() for card in desk.cards.values()})
    often = rewarding(desk, named)
    # Cashback of one day is one lot, for which there are ids already.
    lots.update({card_id: min(often[card_id], len(days_of(desk, named))) for card_id in often})
    drawn = sum(len(redemption.drawn) for redemption in desk.redemptions.values())
    strains = sum(lots.values()) + sum(isinstance(c, (Load, Adjust, Sell)) for c in named.commands) + drawn
    revived = max((len(redemption.drawn) for redemption in desk.redemptions.values()), default=0)
    needed = 0
    for c in named.commands:
        card_id = named.card_id(getattr(c, "card", None))
        if isinstance(c, (Load, Adjust, Sell)) and card_id is not None:
            lots[card_id] += 1
        elif isinstance(c, Transfer):
            target = named.card_id(c.to_card)
            if card_id is not None and target is not None:
                needed += min(lots[card_id], strains)
                lots[target] = min(lots[target] + lots[card_id], strains)
        elif isinstance(c, Split) and card_id is not None:
            # An id for each new card, and one for each lot that it may get.
            needed += len(c.pieces) * (1 + min(lots[card_id], strains))
        elif isinstance(c, SpendSplit) and card_id is not None:
            needed += 1 + min(lots[card_id], strains)
        elif isinstance(c, (Replace, ClaimGift)):
            old = named.gifts.get(c.gift) if isinstance(c, ClaimGift) else card_id
            needed += 1 + (0 if old is None else min(lots[old], strains))
        elif isinstance(c, Exchange) and card_id is not None:
            needed += 1 + min(lots[card_id], strains)
        elif isinstance(c, Renew) and card_id is not None:
            needed += min(lots[card_id], strains)
        elif isinstance(c, (Refund, Reverse)):
            # A redemption of this very batch drew no more lots than there are. What names none, or a key that a whole
            # group was captured under, is laid on several.
            one_alone = c.redemption is not None
            back = max(1, revived, max(lots.values(), default=0)) if one_alone else max(1, strains)
            needed += back
            for one in lots:
                lots[one] = min(lots[one] + (revived if one_alone else back), strains)
    return needed


async def _open_accounts(tx: Tx, desk: Desk) -> None:
    """The accounts for corrections, expired value, pay-outs and fees, of programmes that never needed them before."""
    lacking: dict[int, Terms] = {
        card.terms.programme_id: card.terms for card in desk.cards.values() if len(card.terms.accounts) < len(_PURPOSES)
    }
    for programme_id, terms in lacking.items():
        currency = asset(terms.asset)
        assert currency is not None
        made: dict[str, int] = {}
        for purpose in _PURPOSES:
            if purpose in terms.accounts:
                continue
            (account,) = await open_accounts(tx, desk.sheet.book, currency, purpose, constrained=False)
            if await tx.value(SQL["add_account"], programme_id, purpose, account) is None:
                tx.lasting.pop(("cards.terms", desk.sheet.book), None)
                raise Conflict("another process has just opened the accounts of this programme")
            made[purpose] = account
        # Kept with the pool only once they are read back: this transaction may still be rolled back.
        tx.lasting.pop(("cards.terms", desk.sheet.book), None)
        for card in desk.cards.values():
            if card.terms.programme_id == programme_id:
                card.terms = card.terms.with_accounts(made)


_PURPOSES = ("adjustment", "expired", "fee", "payout")
