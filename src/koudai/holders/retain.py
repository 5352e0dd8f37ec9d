"""Retention: how long the law keeps what is known of a holder; the longest duty decides. Pure.

The figures come from the caller, with their source: policy packs own them.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from koudai.base import CHINA
from koudai.holders.model import Field


class Duty(msgspec.Struct, frozen=True):
    """A duty to keep fields for so many years after the relation ended, and where it stands."""

    rule: str
    years: int
    source: str
    fields: tuple[Field, ...]


_WHO = (Field.NAME, Field.DOCUMENT_TYPE, Field.DOCUMENT_NUMBER, Field.CREDIT_CODE, Field.LICENCE)

REAL_NAME = Duty("real_name", 5, "单用途商业预付卡管理办法(试行) Art. 15", (*_WHO, Field.PHONE))
LOCAL = Duty("local", 3, "北京市单用途预付卡管理条例", (*_WHO, Field.PHONE))
AML = Duty("aml", 10, "反洗钱法 (2025) Art. 34", (*_WHO, Field.PHONE, Field.ADDRESS, Field.BIRTH_DATE))


def duties(*, licensed: bool) -> tuple[Duty, ...]:
    """The duties that apply to a programme: with a payment licence those against money laundering as well."""
    return (AML, REAL_NAME, LOCAL) if licensed else (REAL_NAME, LOCAL)


def standing(
    fields: Iterable[Field], applying: Sequence[Duty], ended_at: datetime | None, now: datetime
) -> dict[Field, tuple[datetime | None, Duty]]:
    """Which fields must be kept now, until when (None while the relation stands), and by which duty: the longest."""
    kept: dict[Field, tuple[datetime | None, Duty]] = {}
    for field in fields:
        duty = max((duty for duty in applying if field in duty.fields), key=lambda one: one.years, default=None)
        if duty is None:
            continue
        until = years_after(ended_at, duty.years) if ended_at is not None else None
        if until is None or until > now:
            kept[field] = (until, duty)
    return kept


def years_after(moment: datetime, years: int) -> datetime:
    """The same moment of the Chinese calendar so many years later; 29 February becomes 1 March."""
    local = moment.astimezone(CHINA)
    try:
        return local.replace(year=local.year + years).astimezone(moment.tzinfo)
    except ValueError:
        return local.replace(year=local.year + years, month=3, day=1).astimezone(moment.tzinfo)
