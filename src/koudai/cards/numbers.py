"""Card numbers: a private prefix of 6 digits, 12 random ones, and the check digit of Luhn (ISO/IEC 7812-1)."""

import re
import secrets
from collections.abc import Callable

from koudai.identity import Keyring

LENGTH = 19

_PREFIX = re.compile(r"[09][0-9]{5}")

_RANDOM_DIGITS = 12
_VALUES = bytes.maketrans(b"0123456789", bytes(range(10)))
_DOUBLED = bytes.maketrans(b"0123456789", bytes((0, 2, 4, 6, 8, 1, 3, 5, 7, 9)))


def check_digit(digits: str) -> int:
    """The Luhn digit that follows these digits."""
    told = digits.encode()
    return -(sum(told[::-2].translate(_DOUBLED)) + sum(told[-2::-2].translate(_VALUES))) % 10


def is_number(text: str) -> bool:
    """Whether this is a well-formed card number: 19 ASCII digits, the last of which checks."""
    return len(text) == LENGTH and text.isascii() and text.isdigit() and check_digit(text[:-1]) == int(text[-1])


def is_prefix(text: str) -> bool:
    """Whether numbers may begin so: 6 digits that are no bank card's.

    ISO/IEC 7812-1 gives numbers that begin with 9 to national use, with 0 to other industries.
    """
    return _PREFIX.fullmatch(text) is not None


def generate(prefix: str, random_below: Callable[[int], int] = secrets.randbelow) -> str:
    """A new number under a prefix; 12 of its digits come from a cryptographic random source."""
    digits = f"{prefix}{random_below(10**_RANDOM_DIGITS):0{_RANDOM_DIGITS}d}"
    return f"{digits}{check_digit(digits)}"


Generate = Callable[[str], str]
"""Draws a number under a prefix."""


class Mint:
    """Draws the numbers of the cards that a batch makes. One that is taken makes the batch begin again."""

    def __init__(self, keyring: Keyring, generate: Generate = generate) -> None:
        self.keyring = keyring
        self._generate = generate
        self._drawn: set[str] = set()

    def draw(self, prefix: str) -> str:
        """A number under a prefix that this batch didn't draw before."""
        number = self._generate(prefix)
        while number in self._drawn:
            number = self._generate(prefix)
        self._drawn.add(number)
        return number
