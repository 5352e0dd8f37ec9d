"""What a single field of the API's JSON may be."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from koudai.base import MAX_MINOR

# `$` would let a line feed pass at the end; what the document shows is the plain form.
_PRINTABLE = r"^[ -~]+(?![\s\S])"

Id = Annotated[str, Meta(max_length=100)]
Gan = Annotated[
    str,
    Meta(
        max_length=100,
        description="The card's number: 19 digits, the last of which is a Luhn check digit.",
        extra_json_schema={"pattern": "^[0-9]{19}$", "maxLength": 19},
    ),
]
PayCodeDigits = Annotated[
    str,
    Meta(
        max_length=100,
        description="In the place of the card: a pay code as its holder shows it, 20 digits. It pays once.",
        extra_json_schema={"pattern": "^80[0-9]{18}$", "maxLength": 20},
    ),
]
PinDigits = Annotated[
    str,
    Meta(
        min_length=6, max_length=6, pattern=r"^[0-9]{6}(?![\s\S])", description="Six digits.",
        extra_json_schema={"pattern": "^[0-9]{6}$"},
    ),
]  # fmt: skip
AmountMinor = Annotated[
    int, Meta(ge=1, le=MAX_MINOR, description="Whole minor units: 12.50 CNY is 1250.", examples=[1250])
]
CaptureMinor = Annotated[
    int, Meta(ge=0, le=MAX_MINOR, description="All that is left when it isn't said; 0 only together with `final`.")
]
Cap = Annotated[int, Meta(ge=1, le=MAX_MINOR, description="In minor units; null: no cap.")]
Bound = Annotated[int, Meta(ge=0, le=MAX_MINOR)]
Seconds = Annotated[int, Meta(ge=1, le=31_622_400, description="Seconds: at most 366 days.")]
WindowSeconds = Annotated[
    int, Meta(ge=60, le=31_622_400, description="The length of a rolling window, which alone has one.")
]
Moment = Annotated[datetime, Meta(tz=True, description="RFC 3339, with its offset from UTC.")]
Currency = Annotated[
    str,
    Meta(min_length=3, max_length=3, extra_json_schema={"$ref": "#/components/schemas/Currency"}),
]
Key = Annotated[str, Meta(min_length=1, max_length=255, pattern=_PRINTABLE, extra_json_schema={"pattern": "^[ -~]+$"})]
Name = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]
Reason = Annotated[str, Meta(min_length=1, max_length=1000, pattern=r"^[^\x00]+$")]
Document = Annotated[str, Meta(min_length=1, max_length=50_000, pattern=r"^[^\x00]+$")]
Device = Annotated[
    str,
    Meta(
        min_length=1, max_length=200, pattern=r"^[^\x00]+$",
        description="Your reference of the device that asks, where limits count devices.",
    ),
]  # fmt: skip
Group = Annotated[
    str,
    Meta(
        min_length=1, max_length=200, pattern=r"^[^\x00]+$",
        description="A free word, such as an order's number: its holds are captured and voided as one.",
    ),
]  # fmt: skip
Prefix = Annotated[
    str,
    Meta(
        min_length=6, max_length=6, pattern="^[09][0-9]{5}$",
        description="The first six digits of every card's number: private use, so 9 or 0 first.", examples=["900001"],
    ),
]  # fmt: skip

Ref = Annotated[
    str,
    Meta(
        min_length=1, max_length=100, pattern=r"^[^\s,\x00]+(?![\s\S])",
        description="The name by which programmes' documents list it: no space, no comma.",
        extra_json_schema={"pattern": r"^[^\s,]+$"}, examples=["tea-house-1"],
    ),
]  # fmt: skip
Word = Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[^\s,\x00]+(?![\s\S])",
                           extra_json_schema={"pattern": r"^[^\s,]+$"})]  # fmt: skip


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is sent: a field that isn't known is refused, so that a misspelt one isn't passed over."""


class Private(msgspec.Struct, frozen=True):
    """What carries secrets or personal data: its repr tells nothing of it."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"
