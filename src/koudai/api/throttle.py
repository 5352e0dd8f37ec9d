"""The throttle: who sends pay codes that nobody made is slowed down."""

from collections.abc import Callable
from time import perf_counter

from koudai.api.problems import ApiProblem, Problem

WRONG_CODES = 20
"""How many unknown pay codes of one API key within `SPAN_S` stop its further ones."""

SPAN_S = 60.0
"""Over what they add up, and for how long they are stopped then."""

_REMEMBERED = 10_000


class Throttle:
    """Counts unknown pay codes by API key, in this server's memory.

    It keeps noise away and guesses slow. That they are vain is the code's own doing: of 17 random digits, for a
    minute, a guess finds one in ten million million even where ten thousand live.
    """

    def __init__(self, seconds: Callable[[], float] = perf_counter) -> None:
        self._seconds = seconds
        self._wrong: dict[str, tuple[int, float]] = {}

    def check(self, key_id: str) -> None:
        """Raise Problem where a key sent too many unknown codes; what it sends isn't judged then."""
        count, since = self._wrong.get(key_id, (0, 0.0))
        left_s = since + SPAN_S - self._seconds()
        if count >= WRONG_CODES and left_s > 0:
            wait_s = int(left_s) + 1
            raise Problem(
                ApiProblem.TOO_MANY_CODES, {"wait_s": wait_s}, headers=[(b"retry-after", str(wait_s).encode())]
            )

    def wrong(self, key_id: str) -> None:
        """Count an unknown code; the span of a key that reached the bound begins with its last one."""
        now = self._seconds()
        count, since = self._wrong.pop(key_id, (0, now))
        if now >= since + SPAN_S:
            count, since = 0, now
        if len(self._wrong) >= _REMEMBERED:
            del self._wrong[next(iter(self._wrong))]
        count += 1
        self._wrong[key_id] = count, now if count == WRONG_CODES else since
