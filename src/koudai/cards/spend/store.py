"""Keep: baskets, tenders and cashback as they are written with a batch, and the cashback that it has to know of.

A batch writes nothing here where it has none of them, and reads nothing where no document promises cashback.
"""

from collections import Counter
from pathlib import Path

from koudai.cards.commands import Authorise, Capture, Command, Redeem, SpendSplit
from koudai.cards.desk import Cashback, Desk
from koudai.cards.named import Named
from koudai.cards.spend.reward import day_of, rewards
from koudai.cards.store import Statement, by_place
from koudai.ledger import Place, fresh_ids_statement
from koudai.merchants import Merchant, as_merchants, find_statement
from koudai.pg import Statements, Tx, columns, int4s, int8s, texts

SQL = Statements(Path(__file__).with_name("queries.sql"))

_LINE = (int4s, int4s, texts, texts, int8s, int8s, texts)
_TENDER = (int4s, int8s)
_CASHBACK = (int4s, int8s, texts, int8s, int8s, int8s)
_FELL_BACK = (int8s, int4s, int8s)


REWARDED: set[type[Command]] = {Redeem, SpendSplit, Capture}
"""What pays, and may bring cashback."""


def rewarding(desk: Desk, named: Named) -> Counter[int]:
    """How often the commands may bring cashback, by the cards that may get it."""
    often: Counter[int] = Counter()
    if not named.kinds & REWARDED or not any(map(rewards, desk.cards.values())):
        return often
    for c in named.commands:
        if isinstance(c, (Redeem, SpendSplit)) or (isinstance(c, Authorise) and c.group in named.groups):
            # A hold of this very batch may be captured with its group.
            card_id = named.card_id(c.card)
            often.update(() if card_id is None else (card_id,))
        elif isinstance(c, Capture):
            holds = [desk.holds[c.hold]] if c.hold in desk.holds else desk.groups.get(c.group or "", ())
            often.update(hold.account for hold in holds)
    return Counter({card_id: n for card_id, n in often.items() if rewards(desk.cards.get(card_id))})


def days_of(desk: Desk, named: Named) -> list[str]:
    """The Chinese days on which the commands happen."""
    return sorted({day_of(moment) for moment in {c.event_at or desk.sheet.now for c in named.commands}})


async def recall_cashback(tx: Tx, desk: Desk, named: Named, merchants: dict[int, Merchant]) -> None:
    """What cards got on the days of the commands, what was given for redemptions that are undone, and ids for lots.

    The merchants of holds are put in with those that are known, since cashback asks what they are for.
    """
    often = rewarding(desk, named)
    undone = [
        place for place, one in desk.redemptions.items() if one.card_id in desk.cards
        and desk.cards[one.card_id].promised is not None
    ]  # fmt: skip
    statements: dict[str, Statement] = {}
    if often:
        statements["rewarded"] = (SQL["rewarded"], int8s(sorted(often)), texts(days_of(desk, named)))
        statements["fresh"] = fresh_ids_statement(often.total())
        unknown = set(desk.merchants_of_holds.values()) - merchants.keys()
        if unknown:
            statements["merchants"] = find_statement(desk.sheet.book, unknown)
    if undone:
        statements["cashbacks"] = by_place(SQL["cashbacks"], undone)
    if not statements:
        return
    rows = dict(zip(statements, await tx.together(*statements.values()), strict=True))
    merchants |= as_merchants(rows.get("merchants", ()))
    desk.rewarded = {(row[0], row[1]): row[2] for row in rows.get("rewarded", ())}
    desk.sheet.fresh_ids += [row[0] for row in rows.get("fresh", ())]
    for batch_id, ordinal, *told in rows.get("cashbacks", ()):
        place = Place(batch_id, ordinal)
        desk.cashbacks[place] = Cashback(place, *told)


def keep_statements(desk: Desk) -> list[Statement]:
    """The statements that write what a batch has of baskets, tenders and cashback."""
    batch_id = desk.sheet.batch_id
    statements: list[Statement] = []
    if desk.lines:
        statements.append((SQL["add_basket_lines"], batch_id, *columns(_LINE, desk.lines)))
    if desk.tenders:
        statements.append((SQL["add_tenders"], batch_id, *columns(_TENDER, desk.tenders)))
    made = [one for one in desk.cashbacks.values() if one.place.batch_id == batch_id]
    if made:
        rows = [(c.place.ordinal, c.card_id, c.day, c.strain, c.given_minor, c.taken_minor) for c in made]
        statements.append((SQL["add_cashbacks"], batch_id, *columns(_CASHBACK, rows)))
    older = [(*place, minor) for place, minor in desk.fell_back.items() if place.batch_id != batch_id]
    if older:
        statements.append((SQL["take_cashbacks_back"], *columns(_FELL_BACK, older)))
    return statements
