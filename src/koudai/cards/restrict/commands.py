"""What may be asked for to stop a card, or a part of it, and to lift that again."""

from datetime import datetime

from koudai.cards.commands import CardRef, Command
from koudai.cards.restrict.model import RestrictionKind
from koudai.ledger import Place


class Restrict(Command, frozen=True, kw_only=True):
    """Restrict a card, behind what restricts it already: an amount of it, or without one the whole card.

    For money laundering (`aml`), the police and a court it names the `authority` and the `document` of its order.
    A `temporary` freeze lasts 48 hours at most (Anti-Money-Laundering Law, Art. 39, 45), whether or not it says
    until when, and isn't ordered again by the same document; `Continue` makes a formal one of it.
    """

    card: CardRef
    kind: RestrictionKind
    authority: str = ""
    document: str = ""
    amount_minor: int | None = None
    asset: str | None = None
    until: datetime | None = None
    temporary: bool = False
    made_by: str


class Lift(Command, frozen=True, kw_only=True):
    """End a restriction of a card, named by the entry that made it, under the power of a kind.

    Nobody lifts what another kind ordered; only the holder's own is lifted by the issuer too, when he asks.
    """

    card: CardRef
    restriction: Place
    kind: RestrictionKind
    authority: str = ""
    document: str = ""
    made_by: str


class Continue(Command, frozen=True, kw_only=True):
    """Continue a restriction before its term ends (续冻), until later or, without `until`, until it is lifted.

    It keeps its place in the queue (轮候顺位). Who may is who may lift it, and of what the law orders the authority
    that ordered it. A temporary freeze becomes a formal one, by a document of its own.
    """

    card: CardRef
    restriction: Place
    kind: RestrictionKind
    authority: str = ""
    document: str = ""
    until: datetime | None = None
    made_by: str


class ReportLoss(Command, frozen=True, kw_only=True):
    """Stop a card at once because its holder lost it (挂失). `document` is the reference of his report, if any."""

    card: CardRef
    document: str = ""
    made_by: str


class Block(Command, frozen=True, kw_only=True):
    """Stop a card for its issuer: value can still come back to it, but not leave it nor be loaded."""

    card: CardRef


class Unblock(Command, frozen=True, kw_only=True):
    """Take the issuer's block off a card. It goes on unless others have restricted it too."""

    card: CardRef
