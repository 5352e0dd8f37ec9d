"""What may be asked for about gifts. A gift is named by the place of the entry that offered it."""

from datetime import datetime

from koudai.cards.commands import CardRef, Command
from koudai.cards.model import Words
from koudai.ledger import Place


class GiveGift(Command, frozen=True, kw_only=True):
    """Offer a whole card as a gift, to the holder `to_ref` or to whoever has the link.

    Until it is claimed no value moves, and nothing leaves the card. `face` names the picture on it. It can't be
    claimed before `deliver_at`; from then on (or from now) the programme's days to claim it run.
    """

    card: CardRef
    to_ref: str | None = None
    words: Words | None = None
    face: str | None = None
    deliver_at: datetime | None = None
    device: str | None = None


class ClaimGift(Command, frozen=True, kw_only=True):
    """Take a gift: its card is issued anew, to the holder `holder_ref` where it is a registered one.

    `token_hash` is the keyed hash of the link's token (`token_hash`).
    """

    gift: Place
    token_hash: bytes
    holder_ref: str | None = None


class WithdrawGift(Command, frozen=True, kw_only=True):
    """Take an offered gift back, before it is claimed."""

    gift: Place


class ReturnGift(Command, frozen=True, kw_only=True):
    """Enter that a gift went back to its giver, since nobody claimed it in time."""

    gift: Place
