"""How a fault or refusal is told: one sentence on standard error, or one object on standard output."""

import json
import sys
from typing import Any

from koudai.base import Fault, Refused
from koudai.cli.codes import WRONG_USAGE, exit_status
from koudai.cli.words import language, word
from koudai.phrases import say


def print_json(answer: Any) -> None:
    """Print the one object of `--json`: UTF-8 whatever the locale, a line of its own."""
    text = json.dumps(answer, ensure_ascii=False, default=str)
    sys.stdout.flush()
    # A file's name may hold bytes that are no text.
    sys.stdout.buffer.write(text.encode("utf-8", "replace") + b"\n")
    sys.stdout.buffer.flush()


def note(text: str) -> None:
    """Tell something on standard error."""
    print(text, file=sys.stderr, flush=True)


def print_fault(fault: Fault, *, as_json: bool) -> int:
    """Tell a fault or refusal; its exit status."""
    status = exit_status(fault.code)
    sentence = say(fault.code, fault.facts, language())
    if as_json:
        print_json({"error": {**fault.facts, "code": fault.code, "detail": sentence}})
        return status
    note(f"koudai: {sentence} [{fault.code}]")
    if status == WRONG_USAGE and "command" in fault.facts:
        note(word("say.try_help", command=fault.facts["command"]))
    return status


def as_fault(refused: Refused, **more: Any) -> Fault:
    """A refusal as this door tells it: like a fault, with what else helps."""
    return Fault(refused.code, **{**refused.facts, **more})
