"""The commands that happen to cards. Each carries its idempotency key and, where it isn't now, its time."""

from datetime import datetime
from enum import StrEnum
from hashlib import sha256

import msgspec

from koudai.cards.secrets.pins import Pin
from koudai.ledger import FundingSource, Place
from koudai.programmes import Line

CardRef = int | bytes
"""A card by its id, or by the keyed hash of its number; to pay with, also by that of a pay code (`codes.PayCode`)."""


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """What all commands have: `event_at` is when it happened in business; None means as it is recorded."""

    key: str
    event_at: datetime | None = None


class Issue(Command, frozen=True, kw_only=True):
    """Make a card under a programme: active at once, or pending until it is activated.

    `holder_ref` is who holds it, opaque; without one it is a bearer card.
    """

    programme_id: int
    active: bool = True
    holder_ref: str | None = None
    pin: Pin | None = None


class Split(Command, frozen=True, kw_only=True):
    """Move parts of a card into new cards of the same programme and holder, each with its share of all lots.

    `pieces` are their amounts, in minor units; what is left stays on the card.
    """

    card: CardRef
    pieces: tuple[int, ...]
    asset: str
    device: str | None = None


class Activate(Command, frozen=True, kw_only=True):
    """Make a pending card usable."""

    card: CardRef


class Channel(StrEnum):
    """Where value is bought: over a network, at somebody's counter, or at an outlet of the issuer's own."""

    REMOTE = "remote"
    COUNTER = "counter"
    OWN_OUTLET = "own_outlet"


class Load(Command, frozen=True, kw_only=True):
    """Put value on a card, naming where it came from.

    `payer` is who paid, `buyer` who bought it where that isn't the card's holder, and `refund_to` to whom it may go
    back, all opaque. What may be done with the value is what its source allows where nothing is said: bonus isn't
    refunded, and what was bought on credit or by instalment isn't sold. `device` is what asked for it, where
    limits count devices, and `channel` where it is bought: over a network where nothing is said.
    """

    card: CardRef
    amount_minor: int
    asset: str
    source: FundingSource
    payer: str | None = None
    buyer: str | None = None
    refund_to: str | None = None
    expires_at: datetime | None = None
    may_pass: bool | None = None
    may_sell: bool | None = None
    may_refund: bool | None = None
    device: str | None = None
    channel: Channel | None = None


class Payment(Command, frozen=True, kw_only=True):
    """What redemptions and authorisations have: the basket that is paid for, where its lines are stated."""

    lines: tuple[Line, ...] | None = None

    @property
    def basket(self) -> str | None:
        """A digest of the lines: requests are remembered for ever, and lines are many."""
        return None if self.lines is None else sha256(msgspec.json.encode(self.lines)).hexdigest()


class Redeem(Payment, frozen=True, kw_only=True):
    """Pay a merchant. With `partial`, what the card has available is taken when it isn't enough.

    `lines` are the basket, which comes to the amount; with `partial`, those of them are paid that are payable.
    A card with a PIN asks for it, unless it is named by a pay code; a PIN is told on a `device`.
    """

    card: CardRef
    merchant_id: int
    amount_minor: int
    asset: str
    partial: bool = False
    device: str | None = None
    pin: Pin | None = None


class Authorise(Payment, frozen=True, kw_only=True):
    """Reserve value for a merchant, for `ttl_s` seconds of the book's time.

    Holds of one `group` (a free word) are captured and voided as one. With `partial`, what the card has
    available is reserved when it isn't enough. `lines` are as those of a redemption.
    """

    card: CardRef
    merchant_id: int
    amount_minor: int
    asset: str
    ttl_s: int = 7 * 86_400
    partial: bool = False
    group: str | None = None
    device: str | None = None
    pin: Pin | None = None


class Capture(Command, frozen=True, kw_only=True):
    """Pay the merchant what a hold reserves: all of it, or a part, once or several times.

    `final` gives back what is left after it (and then the part may be 0). With `group` all its open
    holds are captured whole, or none.
    """

    hold: Place | None = None
    group: str | None = None
    amount_minor: int | None = None
    final: bool = False


class Void(Command, frozen=True, kw_only=True):
    """Cancel a hold, or all open holds of a group, of which nothing was captured: all of them or none."""

    hold: Place | None = None
    group: str | None = None


class Purpose(StrEnum):
    """Why value goes from one card to another. It decides which lots may go."""

    GIFT = "gift"
    SALE = "sale"
    MERGE = "merge"


class Transfer(Command, frozen=True, kw_only=True):
    """Carry value to another card of the programme, with its provenance, in proportion from all lots that may go.

    Without an amount, all of it. A gift takes what may be passed on, a sale what may be sold; both go by the document.
    A merge is between cards of one holder that were split from one. `recipient` is who is meant to get it, if that
    is to be checked: the holder of the other card.
    """

    card: CardRef
    to_card: CardRef
    asset: str
    purpose: Purpose
    amount_minor: int | None = None
    recipient: str | None = None
    device: str | None = None


class Adjust(Command, frozen=True, kw_only=True):
    """Correct what a card holds, by hand: upwards (`increment`) or downwards.

    It says why, who did it, and what it corrects, where that is an entry. Upwards creates value, so a
    second person has to approve, and the law judges it as a load; `source` is what it counts as then.
    """

    card: CardRef
    amount_minor: int
    asset: str
    increment: bool
    source: FundingSource = FundingSource.COMPANY
    reason: str
    made_by: str
    approved_by: str | None = None
    corrects: Place | None = None


class Expire(Command, frozen=True, kw_only=True):
    """Take the value of expired lots off a card, and give free what expired holds reserve."""

    card: CardRef


class Renew(Command, frozen=True, kw_only=True):
    """Let a card last a further term, as it was promised.

    With `expires_at`: give the lots of a card that expire before it that date.
    """

    card: CardRef
    expires_at: datetime | None = None


class Reactivate(Command, frozen=True, kw_only=True):
    """Let an expired card go on: it lasts a new term from now (重新激活)."""

    card: CardRef


class Exchange(Command, frozen=True, kw_only=True):
    """Let an expired card go on as a new one, with all its value; the old number is dead (换卡)."""

    card: CardRef


class PaidTo(StrEnum):
    """Where the value of a closed card goes."""

    SAME_NAME_ACCOUNT = "same_name_account"
    PAYER_ACCOUNT = "payer_account"
    CASH = "cash"


class Close(Command, frozen=True, kw_only=True):
    """End a card for good, and pay out what was paid for on it; bonus lapses (退卡).

    `paid_to` is needed where it holds such value, and `account_ref` where that isn't cash. `identity_ref` is whose
    paper was checked, `buyer_ref` the buyer's. Whether a company bought it is told by who paid, where that is
    known. With `partial` only what may go to this account and this buyer is paid out; where something is left, the card
    goes on with it. `made_by` is who stands up for it. All refs are opaque, and kept in the register: never an
    account's number itself.
    """

    card: CardRef
    reason: str
    made_by: str
    paid_to: PaidTo | None = None
    account_ref: str | None = None
    identity_ref: str | None = None
    buyer_ref: str | None = None
    bought_by_company: bool = False
    partial: bool | None = None


class Refund(Command, frozen=True, kw_only=True):
    """Give value back to the card that paid.

    It names the redemption, or the card and the merchant: then it is laid on the latest redemption
    first. It is accepted whole or not at all. Where that card is closed or expired, or would hold too much, it goes
    to `to_card`, another one of the same kind.
    """

    amount_minor: int
    asset: str
    redemption: Place | None = None
    card: CardRef | None = None
    merchant_id: int | None = None
    to_card: CardRef | None = None


class Reverse(Command, frozen=True, kw_only=True):
    """Undo a redemption or capture whose answer never arrived, named by its key or by its place.

    When no command ever came with that key, the key is barred: the redemption, should it still
    arrive, is refused. `reason` says why where it was something else, and `made_by` who asked.
    """

    redemption_key: str | None = None
    redemption: Place | None = None
    reason: str | None = None
    made_by: str = "unnamed"


class SpendSplit(Payment, frozen=True, kw_only=True):
    """Pay a merchant, and move what the card has left available into a new card: both or none of it.

    `lines`, `pin` and `device` are as those of a redemption.
    """

    card: CardRef
    merchant_id: int
    amount_minor: int
    asset: str
    device: str | None = None
    pin: Pin | None = None


class ReplaceReason(StrEnum):
    """Why a card is replaced."""

    LOST = "lost"
    STOLEN = "stolen"
    DAMAGED = "damaged"
    EXPOSED = "exposed"


class Replace(Command, frozen=True, kw_only=True):
    """Issue a card anew: all that it holds goes to a new card of the same programme and holder.

    The old card and its number are dead from then on; what comes back to it goes to the new one. The fee that the
    programme's document asks is taken off what the new card holds.
    """

    card: CardRef
    reason: ReplaceReason


class SetPin(Command, frozen=True, kw_only=True):
    """Give a card a PIN that has none."""

    card: CardRef
    pin: Pin


class ChangePin(Command, frozen=True, kw_only=True):
    """Give a card another PIN, for who knows the old one. `device` is where that is told."""

    card: CardRef
    old_pin: Pin
    pin: Pin
    device: str | None = None


class ResetPin(Command, frozen=True, kw_only=True):
    """Take the PIN of a card away with its lock, for the holder to set a new one."""

    card: CardRef
