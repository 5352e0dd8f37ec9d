"""Numbers of people and companies: their form, check digits, and the one spelling that is kept. Pure.

Each function answers the value as it is kept; it raises ValueError with the name of the standard that
the value doesn't keep, and never with the value.
"""

import re
import unicodedata
from datetime import date

from koudai.holders.model import DocumentType, Field

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS = "10X98765432"
_REGIONS = frozenset(
    (
        *range(11, 16), *range(21, 24), *range(31, 38), *range(41, 47), *range(50, 55), *range(61, 66), 71, 81, 82, 83,
    )
)  # fmt: skip
_CREDIT = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_EARLIEST = date(1900, 1, 1)

_RESIDENT = re.compile(r"[0-9]{17}[0-9X]")
_CREDIT_CODE = re.compile(rf"[{_CREDIT}]{{2}}[0-9]{{6}}[{_CREDIT}]{{10}}")
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
_CHINESE_MOBILE = re.compile(r"1[3-9][0-9]{9}")
_CHINESE = re.compile(r"\+86(?:1[3-9][0-9]{9}|10[0-9]{8}|[2-9][0-9]{8,10})")
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(?:\.[^@\s.]+)+")
_OTHERS = {
    DocumentType.PASSPORT: (re.compile(r"[A-Z0-9]{5,20}"), "ICAO 9303"),
    DocumentType.HK_MACAO_PERMIT: (re.compile(r"[HM][0-9]{8}(?:[0-9]{2})?"), "GA 467"),
    DocumentType.TAIWAN_PERMIT: (re.compile(r"[0-9]{8}(?:[0-9]{2})?"), "GA 467"),
}


def resident_id(text: str) -> str:
    """A citizen's identity number (GB 11643-1999): region, birth date, sequence, check digit of ISO 7064."""
    number = packed(text)
    if not _RESIDENT.fullmatch(number) or int(number[:2]) not in _REGIONS or not _checks(number):
        raise ValueError("GB 11643-1999")
    birth_date(f"{number[6:10]}-{number[10:12]}-{number[12:14]}", "GB 11643-1999")
    return number


def foreign_permanent(text: str) -> str:
    """The number of a foreigner's permanent residence card: 18 digits from 9, with the same check digit."""
    number = packed(text)
    if not _RESIDENT.fullmatch(number) or number[0] != "9" or not _checks(number):
        raise ValueError("GB 11643-1999")
    return number


def _checks(number: str) -> bool:
    total = sum(int(digit) * weight for digit, weight in zip(number, _WEIGHTS, strict=False))
    return _CHECKS[total % 11] == number[17]


def document_number(kind: DocumentType, text: str) -> str:
    """The number of a document of this kind."""
    if kind is DocumentType.RESIDENT_ID:
        return resident_id(text)
    if kind is DocumentType.FOREIGN_PERMANENT:
        return foreign_permanent(text)
    form, standard = _OTHERS[kind]
    number = packed(text)
    if not form.fullmatch(number):
        raise ValueError(standard)
    return number


def credit_code(text: str) -> str:
    """A unified social credit code (GB 32100-2015): 18 characters, the last of which checks the others."""
    code = packed(text)
    if not _CREDIT_CODE.fullmatch(code):
        raise ValueError("GB 32100-2015")
    total = sum(_CREDIT.index(character) * pow(3, at, 31) for at, character in enumerate(code[:17]))
    if _CREDIT[-total % 31] != code[17]:
        raise ValueError("GB 32100-2015")
    return code


def phone(text: str) -> str:
    """A telephone number (ITU-T E.164) with its country; eleven digits of a Chinese mobile get theirs."""
    number = re.sub(r"[\s().\-]", "", unicodedata.normalize("NFKC", text))
    if _CHINESE_MOBILE.fullmatch(number):
        number = f"+86{number}"
    if not (_CHINESE if number.startswith("+86") else _PHONE).fullmatch(number):
        raise ValueError("ITU-T E.164")
    return number


def email(text: str) -> str:
    """An e-mail address; capitals don't tell two of them apart."""
    address = unicodedata.normalize("NFC", text).strip().lower()
    if len(address) > 254 or not _EMAIL.fullmatch(address) or not address.isprintable():
        raise ValueError("RFC 5321")
    return address


def birth_date(text: str, standard: str = "ISO 8601", today: date | None = None) -> str:
    """A day of birth, `YYYY-MM-DD`: neither before 1900 nor, where `today` is told, after it."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise ValueError(standard) from None
    if day.isoformat() != text or day < _EARLIEST or (today is not None and day > today):
        raise ValueError(standard)
    return text


def words(text: str, longest: int = 200) -> str:
    """A name, an address, a licence: printable, not blank, each character in one spelling (Unicode NFC)."""
    written = " ".join(unicodedata.normalize("NFC", text).split())
    if not 0 < len(written) <= longest or not written.isprintable():
        raise ValueError("Unicode NFC")
    return written


def born(fields: dict[Field, str]) -> date | None:
    """When a person was born: as stated, or as the identity number says; None where neither is known."""
    stated = fields.get(Field.BIRTH_DATE)
    number = fields.get(Field.DOCUMENT_NUMBER, "")
    if stated is None and fields.get(Field.DOCUMENT_TYPE) == DocumentType.RESIDENT_ID:
        stated = f"{number[6:10]}-{number[10:12]}-{number[12:14]}"
    return date.fromisoformat(stated) if stated else None


def is_under_14(day: date, today: date) -> bool:
    """Whether who was born then is younger than fourteen (PIPL 28, 31)."""
    return (today.year - day.year) - ((today.month, today.day) < (day.month, day.day)) < 14


def packed(text: str) -> str:
    """A number without blanks and hyphens, in capitals: the spelling in which every number is kept."""
    return re.sub(r"[\s\-]", "", unicodedata.normalize("NFKC", text)).upper()
