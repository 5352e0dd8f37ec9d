"""From invoices to commands: what each invoice asks of which card. Pure."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from koudai.base import Refused
from koudai.cards import Activity, Command, FundingSource, Issue, Load, Redeem, Refund
from koudai.jobs.replay.dataset import Invoice

ASSET = "GBP"


@dataclass
class Piece:
    """A piece of the year: cards to issue by owner, and the commands, each for an owner's card."""

    invoices: int
    issues: dict[str, Issue] = field(default_factory=dict)
    steps: list[tuple[str | None, Command]] = field(default_factory=list)
    skipped: int = 0


@dataclass
class Books:
    """What the plan expects each card to hold and to have paid, so that it loads just what is missing.

    It is reckoned from the invoices alone; that the ledger comes to the same is checked by `check`.
    """

    balance: dict[str, int] = field(default_factory=dict)
    paid: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    expected: dict[str, bool] = field(default_factory=dict)

    def check(self, command: Command, outcome: Activity | Refused) -> None:
        """Raise when the engine answered otherwise than the invoices say."""
        if self.expected.pop(command.key) != isinstance(outcome, Activity):
            raise AssertionError(f"{command.key}: the plan didn't expect {outcome!r}")


def is_skipped(invoice: Invoice) -> bool:
    """Bad-debt adjustments (A…), amounts of nothing, and negative amounts that are no cancellation."""
    if invoice.number.startswith("A") or invoice.minor == 0:
        return True
    return invoice.minor < 0 and not invoice.number.startswith("C")


def pieces(
    invoices: Sequence[Invoice], programme_id: int, merchants: Mapping[str, int], books: Books, size: int
) -> Iterator[Piece]:
    """The year in pieces of `size` invoices, in order."""
    for start in range(0, len(invoices), size):
        part = invoices[start : start + size]
        piece = Piece(len(part))
        for invoice in part:
            if is_skipped(invoice):
                piece.skipped += 1
            else:
                _plan(piece, invoice, programme_id, merchants[invoice.country], books)
        yield piece


def _plan(piece: Piece, invoice: Invoice, programme_id: int, merchant_id: int, books: Books) -> None:
    cancels = invoice.number.startswith("C")
    owner = _card_of(piece, invoice, programme_id, books, cancels=cancels)
    amount = abs(invoice.minor)
    number, at = invoice.number, invoice.at
    if not cancels:
        assert owner is not None
        missing = amount - books.balance[owner]
        if missing > 0:
            piece.steps.append(
                (
                    owner,
                    Load(
                        key=f"load/{number}", card=0, amount_minor=missing, asset=ASSET,
                        source=FundingSource.TRANSFER, event_at=at,
                    ),
                )
            )  # fmt: skip
            books.expected[f"load/{number}"] = True
        redeem = Redeem(
            key=f"redeem/{number}",
            card=0,
            merchant_id=merchant_id,
            amount_minor=amount,
            asset=ASSET,
            event_at=at,
        )
        piece.steps.append((owner, redeem))
        books.expected[redeem.key] = True
        books.balance[owner] = max(-missing, 0)
        books.paid[owner, invoice.country] += amount
        return
    refund = Refund(
        key=f"refund/{number}", card=0, merchant_id=merchant_id, amount_minor=amount, asset=ASSET, event_at=at
    )
    piece.steps.append((owner, refund))
    accepted = owner is not None and books.paid[owner, invoice.country] >= amount
    books.expected[refund.key] = accepted
    if accepted and owner is not None:
        books.paid[owner, invoice.country] -= amount
        books.balance[owner] += amount


def _card_of(piece: Piece, invoice: Invoice, programme_id: int, books: Books, *, cancels: bool) -> str | None:
    """Whose card it is: the customer's, issued at his first event, or a bearer card bought for the invoice."""
    if invoice.customer is not None:
        owner = f"customer/{invoice.customer}"
    elif cancels:
        return None
    else:
        owner = f"bearer/{invoice.number}"
    if owner not in books.balance:
        books.balance[owner] = 0
        piece.issues[owner] = Issue(
            key=f"issue/{owner}", programme_id=programme_id, holder_ref=invoice.customer, event_at=invoice.at
        )
    return owner
