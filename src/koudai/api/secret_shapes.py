"""The JSON of PINs and pay codes."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from koudai.api.scalars import Body, Device, PinDigits, Private


class NewPin(Private, Body, frozen=True, kw_only=True):
    """A PIN for a card that has none."""

    pin: PinDigits


class PinChange(Private, Body, frozen=True, kw_only=True):
    """Another PIN, for who knows the old one. A wrong old one is a try like any other, counted for the device too."""

    old_pin: PinDigits
    pin: PinDigits
    device: Device


class PayCodeShown(Private, msgspec.Struct, frozen=True):
    """A pay code, told this once: its 20 digits, until when it pays, and its pictures to show at a till.

    Both pictures say the same; the PNGs are in base64. A new code makes the ones before it worthless.
    """

    code: str
    expires_at: datetime
    qr_svg: Annotated[str, Meta(description="A QR code, ISO/IEC 18004.")]
    code128_svg: Annotated[str, Meta(description="A Code 128, ISO/IEC 15417.")]
    qr_png: bytes
    code128_png: bytes
