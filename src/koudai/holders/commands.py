"""What may be asked for about holders. A holder is named by its ref."""

from datetime import datetime

import msgspec

from koudai.holders.model import Details, Kind, Purpose
from koudai.holders.retain import Duty


class Create(msgspec.Struct, frozen=True):
    """Take a holder on with what it states; without anything it is anonymous."""

    key: str
    kind: Kind
    details: Details
    agent: str | None = None
    beneficial_owner: str | None = None


class Update(msgspec.Struct, frozen=True):
    """State fields anew; what isn't stated stays. With `version`, only while the holder still has it."""

    key: str
    holder: str
    details: Details
    agent: str | None = None
    beneficial_owner: str | None = None
    version: int | None = None


class Bind(msgspec.Struct, frozen=True):
    """Bind a device, named by an opaque ref, to a holder."""

    key: str
    holder: str
    device: str


class Unbind(msgspec.Struct, frozen=True):
    """End the binding of a device."""

    key: str
    holder: str
    device: str


class Give(msgspec.Struct, frozen=True):
    """Agree to one purpose, as a text of that version says it."""

    key: str
    holder: str
    purpose: Purpose
    text_version: str


class Withdraw(msgspec.Struct, frozen=True):
    """Take a consent back; what was done under it before stays lawful (PIPL 15)."""

    key: str
    holder: str
    purpose: Purpose


class Erase(msgspec.Struct, frozen=True):
    """Erase what no duty keeps. `ended_at` is when the relation with the holder ended; None while it stands.

    `beside` names what other rooms hold of him that no duty keeps: whoever says so erases it in the same transaction.
    What cards say of the relation goes before `ended_at` and `duties`: how many of his are open, when the last one was
    closed, and which duties the programmes of his cards bring.
    """

    key: str
    holder: str
    duties: tuple[Duty, ...]
    ended_at: datetime | None = None
    beside: tuple[str, ...] = ()
    cards_open: int = 0
    last_closed_at: datetime | None = None
    duties_of_cards: tuple[Duty, ...] = ()


class Ask(msgspec.Struct, frozen=True):
    """Note that a source is about to be asked about a holder."""

    key: str
    holder: str
    source: str


Command = Create | Update | Bind | Unbind | Give | Withdraw | Erase | Ask
