"""Gifts: what may be asked for, and what a batch knows of them. One is named by the place of its offer's entry."""

from datetime import datetime

from koudai.cards.commands import CardRef, Command
from koudai.cards.gifts.link import Ink
from koudai.cards.model import GiftState, Words
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


class HeldGift:
    """A gift whose card is locked: who may claim it and until when, and what became of it.

    `device` is on which it was offered.
    """

    __slots__ = ("card_id", "claim_until", "claimed_card_id", "deliver_at", "device", "ended", "face", "identity",
                 "place", "state", "to_ref", "token_hash", "tries")  # fmt: skip

    def __init__(
        self, place: Place, card_id: int, state: GiftState, identity: str, to_ref: str | None, face: str | None,
        deliver_at: datetime | None, claim_until: datetime, tries: int, token_hash: bytes,
        device: str | None,
    ) -> None:  # fmt: skip
        self.place = place
        self.card_id = card_id
        self.state = state
        self.identity = identity
        self.to_ref = to_ref
        self.face = face
        self.deliver_at = deliver_at
        self.claim_until = claim_until
        self.tries = tries
        self.token_hash = token_hash
        self.device = device
        self.ended: Place | None = None
        self.claimed_card_id: int | None = None


class Gifts:
    """What a batch knows of gifts: those whose cards are locked, and what happened to them."""

    def __init__(self) -> None:
        self.held: dict[Place, HeldGift] = {}
        self.new: list[tuple[HeldGift, bytes, str | None]] = []
        """Each with its sealed token, and who gave it."""
        self.ink: Ink | None = None
        self.words: dict[Place, bytes] = {}
        self.changed: dict[Place, HeldGift] = {}
        self.waiting: dict[int, datetime | None] = {}
        """Until when cards wait for who claims them; None once they are free again."""
