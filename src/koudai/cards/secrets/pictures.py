"""Pictures of a pay code for a screen: QR (ISO/IEC 18004) and Code 128 (ISO/IEC 15417), as SVG and PNG.

Not told by the room itself: who shows none doesn't load what draws them.
"""

from io import BytesIO, StringIO

import segno
from barcode.codex import Code128
from barcode.writer import ImageWriter, SVGWriter

_SCALE = 8
"""How many pixels a module of the QR has; around it stay four modules, as the standard asks."""

_BAR_MM = 4 * 25.4 / 300
"""The width of a module of Code 128: four whole pixels at 300 dots an inch; around it stay ten modules."""

_BARS = {"write_text": False, "module_width": _BAR_MM, "module_height": 15.0, "quiet_zone": 10 * _BAR_MM}


def qr_svg(code: str) -> str:
    """A QR code as SVG."""
    return _qr(code).svg_inline(scale=_SCALE)


def qr_png(code: str) -> bytes:
    """A QR code as PNG."""
    out = BytesIO()
    _qr(code).save(out, kind="png", scale=_SCALE)
    return out.getvalue()


def qr_text(code: str) -> str:
    """A QR code in block characters, for a terminal."""
    out = StringIO()
    _qr(code).terminal(out, compact=True)
    return out.getvalue()


def code128_svg(code: str) -> str:
    """A Code 128 as SVG."""
    return _bars(code, SVGWriter()).decode()


def code128_png(code: str) -> bytes:
    """A Code 128 as PNG."""
    return _bars(code, ImageWriter(format="PNG"))


def _qr(code: str) -> segno.QRCode:
    return segno.make_qr(code, error="m")


def _bars(code: str, writer: SVGWriter | ImageWriter) -> bytes:
    out = BytesIO()
    Code128(code, writer=writer).write(out, _BARS)
    return out.getvalue()
