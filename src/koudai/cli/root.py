"""The command `koudai`: its commands, and the one place where what went wrong becomes words and a status."""

import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from koudai import __version__
from koudai.base import Fault
from koudai.cli.codes import DONE, WRONG_USAGE, CliFault, exit_status
from koudai.cli.parts import Parts
from koudai.cli.running import Call, Stopped
from koudai.cli.speak import print_fault
from koudai.cli.tree import Group
from koudai.cli.values import named
from koudai.cli.words import word

_COMMANDS = {
    "run": "koudai.cli.serve:run",
    "serve": "koudai.cli.serve:serve",
    "replay": "koudai.cli.replay:replay",
    "verify": "koudai.cli.verify:verify",
    "doctor": "koudai.cli.doctor:doctor",
    "card": "koudai.cli.card:card",
    "gift": "koudai.cli.gift:gift",
    "stock": "koudai.cli.stock:stock",
    "programme": "koudai.cli.programme:programme",
    "merchant": "koudai.cli.merchant:merchant",
    "notices": "koudai.cli.notices:notices",
    "policy": "koudai.cli.policy:policy",
    "holder": "koudai.cli.holder:holder",
    "privacy": "koudai.cli.privacy:privacy",
    "vault": "koudai.cli.vault:vault",
    "key": "koudai.cli.key:key",
    "ledger": "koudai.cli.ledger:ledger",
    "proof": "koudai.cli.proof:proof",
    "clock": "koudai.cli.clock:clock",
    "bench": "koudai.cli.bench:bench",
}


def _root() -> Group:
    root = Group("koudai", lazy=_COMMANDS, help=word("help.koudai"), no_args_is_help=True)
    return click.version_option(__version__, "--version", message="koudai %(version)s", help=word("help.version"))(root)


def run_cli(arguments: Sequence[str], parts: Parts) -> int:
    """Carry out a command line; the exit status. Everything that's said has been said."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that can't show a merchant's name gets it escaped, and the command goes on.
        getattr(stream, "reconfigure", lambda **_: None)(errors="backslashreplace")
    try:
        status = _carry_out(arguments, parts)
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        # Whoever read our output has gone; Python would complain once more when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return exit_status("")


def _carry_out(arguments: Sequence[str], parts: Parts) -> int:
    as_json = "--json" in arguments[: arguments.index("--") if "--" in arguments else None]
    try:
        status: Any = _root().main(list(arguments), "koudai", standalone_mode=False, obj=Call(parts))
        return status if isinstance(status, int) else DONE
    except click.exceptions.NoArgsIsHelpError as help_wanted:
        help_wanted.show()
        return WRONG_USAGE
    except click.UsageError as error:
        return print_fault(_usage_fault(error), as_json=as_json)
    except Fault as fault:
        return print_fault(fault, as_json=as_json)
    except (click.Abort, KeyboardInterrupt):
        return print_fault(Fault(CliFault.INTERRUPTED), as_json=as_json)
    except Stopped as stopped:
        return print_fault(Fault(stopped.code), as_json=as_json)


def _usage_fault(error: click.UsageError) -> Fault:
    """What click says of a wrong command line, as a code of ours."""
    command = error.ctx.command_path if error.ctx else "koudai"
    match error:
        case click.MissingParameter():
            name = named(error.param) if error.param else str(error.param_hint)
            return Fault(CliFault.MISSING, command=command, option=name)
        case click.NoSuchOption():
            return Fault(CliFault.NO_SUCH_OPTION, command=command, option=error.option_name)
        case click.BadParameter():
            name = named(error.param) if error.param else str(error.param_hint)
            return Fault(CliFault.BAD_VALUE, command=command, option=name, reason=error.message)
        case click.BadOptionUsage():
            code = CliFault.NO_VALUE if "requires" in error.message else CliFault.NEEDLESS_VALUE
            return Fault(code, command=command, option=error.option_name)
        case click.NoSuchCommand():
            return Fault(CliFault.NO_SUCH_COMMAND, command=command, found=error.command_name)
        case _ if "extra argument" in error.message:
            return Fault(CliFault.EXTRA, command=command, found=error.message.partition("(")[2].rstrip(").("))
        case _:
            return Fault(CliFault.USAGE, command=command, reason=error.format_message())
