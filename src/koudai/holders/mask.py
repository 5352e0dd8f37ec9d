"""Masked values, for those who serve holders and need not know them. Pure."""

import re

from koudai.holders.model import Field, Kind

_STAR = "*"
_WORD = re.compile(r"[^\s·•・‧-]+")


def masked(kind: Kind, field: Field, value: str) -> str:
    """A value as it may be shown: `王*明`, `138****5678`, the last four of a document.

    A company's name, code, licence and address are public and shown as they are.
    """
    if field is Field.DOCUMENT_TYPE or (kind is Kind.COMPANY and field not in (Field.PHONE, Field.EMAIL)):
        return value
    return _MASKS[field](value)


def _name(value: str) -> str:
    words = _WORD.findall(value)
    if words != [value]:
        # Of several words the first letter alone: a word of one letter would be shown whole by its own.
        return value[0] + _WORD.sub(_STAR * 3, value)
    if len(value) < 3:
        return value[0] + _STAR
    if value.isascii():
        return value[0] + _STAR * 3
    return value[0] + _STAR * (len(value) - 2) + value[-1]


def _phone(value: str) -> str:
    national = value.removeprefix("+86")
    if national != value and len(national) == 11:
        return f"{national[:3]}****{national[-4:]}"
    return f"{_STAR * 4}{value[-3:]}"


def _document(value: str) -> str:
    shown = 4 if len(value) > 8 else 2
    return _STAR * (len(value) - shown) + value[-shown:]


def _email(value: str) -> str:
    name, _, domain = value.partition("@")
    return f"{name[0]}***@{domain}"


def _hidden(_: str) -> str:
    return _STAR * 4


def _birth(value: str) -> str:
    return f"{value[:4]}-**-**"


_MASKS = {
    Field.NAME: _name, Field.DOCUMENT_NUMBER: _document, Field.PHONE: _phone, Field.EMAIL: _email,
    Field.ADDRESS: _hidden, Field.BIRTH_DATE: _birth,
}  # fmt: skip
