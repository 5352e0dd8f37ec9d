"""Post: book a list of transfers, each refused or accepted by itself, linked chains whole or not at all."""

from collections.abc import Sequence

from koudai.base import MAX_MINOR, Refused
from koudai.ledger.keys import Memory, request_text
from koudai.ledger.model import LedgerRefusal, Place, Posting
from koudai.ledger.sheet import Sheet
from koudai.ledger.store import open_sheet, write
from koudai.pg import Tx

Outcome = Place | Refused


async def post(tx: Tx, book: int, postings: Sequence[Posting]) -> list[Outcome]:
    """Book transfers in a book; one outcome for each, in order: its place, or why not.

    The same key with the same posting answers the first outcome again; with another posting it is
    refused, naming the field. A posting that was refused because a linked one failed may be sent again
    with its key, since it was not judged itself.
    """
    accounts = {account for p in postings for account in (p.debit, p.credit)}
    sheet, assets = await open_sheet(tx, book, accounts, {p.key for p in postings})
    outcomes: list[Outcome] = []
    start = 0
    while start < len(postings):
        end = start
        while postings[end].linked and end + 1 < len(postings):
            end += 1
        outcomes += _chain(sheet, assets, postings[start : end + 1])
        start = end + 1
    write(tx, sheet)
    return outcomes


def _chain(sheet: Sheet, assets: dict[int, str], chain: Sequence[Posting]) -> list[Outcome]:
    """Fold one linked chain (mostly of one posting)."""
    moved, added, began = len(sheet.transfers), len(sheet.keys.added), sheet.ordinal
    outcomes: list[Outcome] = []
    failed = False
    for posting in chain:
        request = _request(posting)
        known = sheet.keys.recall(posting.key, request)
        if isinstance(known, Memory):
            outcomes.append(known.as_refusal() or known.place)
            failed |= known.refusal is not None
            continue
        refused = known or (
            Refused(LedgerRefusal.LINKED_CHAIN_OPEN) if chain[-1].linked else _judge(sheet, assets, posting)
        )
        place = Place(sheet.batch_id, sheet.next_ordinal())
        if refused is None and not failed:
            refused = sheet.move(
                place.ordinal, posting.debit, posting.credit, posting.amount_minor, posting.asset, posting.kind,
                posting.event_at,
            )  # fmt: skip
        if refused is None and failed:
            refused = Refused(LedgerRefusal.LINKED_FAILED)
        elif refused is None:
            sheet.keys.remember(posting.key, Memory(request, place))
        elif known is None:
            sheet.keys.remember_refusal(posting.key, request, place, refused)
        failed |= refused is not None
        outcomes.append(refused or place)
    if failed and len(sheet.transfers) > moved:
        outcomes = _fell(sheet, outcomes, moved, added, began)
    return outcomes


def _fell(sheet: Sheet, outcomes: list[Outcome], moved: int, added: int, began: int) -> list[Outcome]:
    """Take a chain back: what was accepted in it is forgotten, what was judged stays remembered.

    A place of this batch up to `began` was answered before the chain, and stands.
    """
    sheet.take_back(moved)
    for key, *_rest in [entry for entry in sheet.keys.added[added:] if entry[3] is None]:
        del sheet.keys.known[key]
    sheet.keys.added[added:] = [entry for entry in sheet.keys.added[added:] if entry[3] is not None]
    return [
        Refused(LedgerRefusal.LINKED_FAILED) if isinstance(o, Place) and o > Place(sheet.batch_id, began) else o
        for o in outcomes
    ]


def _judge(sheet: Sheet, assets: dict[int, str], posting: Posting) -> Refused | None:
    """What is wrong with a posting whatever the balances are, in the order of precedence."""
    if posting.amount_minor <= 0:
        return Refused(LedgerRefusal.AMOUNT_NOT_POSITIVE, {"amount_minor": posting.amount_minor})
    if posting.amount_minor > MAX_MINOR:
        return Refused(LedgerRefusal.AMOUNT_TOO_LARGE, {"limit_minor": MAX_MINOR})
    if posting.debit == posting.credit:
        return Refused(LedgerRefusal.SAME_ACCOUNT, {"account": posting.debit})
    for account in (posting.debit, posting.credit):
        if account not in assets:
            return Refused(LedgerRefusal.UNKNOWN_ACCOUNT, {"account": account})
    for account in (posting.debit, posting.credit):
        if assets[account] != posting.asset:
            return Refused(LedgerRefusal.ASSET_MISMATCH, {"account": account, "asset": assets[account]})
    for account in (posting.debit, posting.credit):
        if account in sheet.pockets and sheet.pockets[account].in_lots:
            return Refused(LedgerRefusal.KEPT_IN_LOTS, {"account": account})
    return sheet.closed(posting.event_at)


def _request(posting: Posting) -> str:
    return request_text(
        {
            "verb": "post",
            "debit": posting.debit,
            "credit": posting.credit,
            "amount_minor": posting.amount_minor,
            "asset": posting.asset,
            "kind": posting.kind,
            "event_at": posting.event_at,
            "linked": posting.linked,
        }
    )
