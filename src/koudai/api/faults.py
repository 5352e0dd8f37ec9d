"""What went wrong on our side, for the log: where in the code, never what the request said."""

import logging
import time
import traceback

from koudai.base import Fault

LOG = logging.getLogger("koudai.api")

_QUIET_S = 10.0
_told: dict[str, float] = {}


def log_bug(error: BaseException) -> None:
    """Log a bug by its type and place. Its message is left out: it may quote a card number or a body."""
    state = getattr(error, "sqlstate", None)
    kind = f"{type(error).__name__} {state}" if state else type(error).__name__
    LOG.error("bug: %s\n%s", kind, "".join(traceback.format_tb(error.__traceback__)).rstrip())


def log_fault(fault: Fault) -> None:
    """Log a fault in its own words; each code at most once in ten seconds."""
    now = time.monotonic()
    if now - _told.get(fault.code, -_QUIET_S) >= _QUIET_S:
        _told[fault.code] = now
        LOG.warning("%s", fault)
