"""Commands and groups whose help is in the locale's language, and which are loaded when they're used."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import click

from koudai.cli.words import word


def _write_usage(command: click.Command, ctx: click.Context, formatter: click.HelpFormatter) -> None:
    pieces = " ".join(command.collect_usage_pieces(ctx)).replace("[OPTIONS]", word("help.some_options"))
    formatter.write_usage(ctx.command_path, pieces, prefix=f"{word('help.usage')} ")


def _write_options(command: click.Command, ctx: click.Context, formatter: click.HelpFormatter) -> None:
    records = [r for r in (p.get_help_record(ctx) for p in command.get_params(ctx)) if r is not None]
    told = [(name, text.replace("[required]", word("help.required"))) for name, text in records if text]
    if told:
        with formatter.section(word("help.options")):
            formatter.write_dl(told)


def _help_option(command: click.Command, ctx: click.Context) -> click.Option | None:
    option = click.Command.get_help_option(command, ctx)
    if option is not None:
        option.help = word("help.help")
    return option


class Command(click.Command):
    """A command, described in the locale's language."""

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the line that shows how it's called."""
        _write_usage(self, ctx, formatter)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what each option means."""
        _write_options(self, ctx, formatter)

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        """The option --help."""
        return _help_option(self, ctx)


class Group(click.Group):
    """A group of commands. `lazy` names those that are imported only when used: `module:attribute`.

    Their one-line description is the word `help.<name>`, so that listing them imports nothing.
    """

    command_class = Command

    def __init__(self, name: str, lazy: Mapping[str, str] | None = None, **kwargs: Any) -> None:
        super().__init__(name, **{"subcommand_metavar": word("help.command_args"), **kwargs})
        self._lazy = dict(lazy or {})

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the commands, in the order in which they were declared."""
        return [*self._lazy, *self.commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A command by name, imported if it wasn't yet."""
        if cmd_name not in self._lazy:
            return self.commands.get(cmd_name)
        module, _, attribute = self._lazy[cmd_name].partition(":")
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the line that shows how it's called."""
        _write_usage(self, ctx, formatter)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what each option means, then the commands."""
        _write_options(self, ctx, formatter)
        self.format_commands(ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands, each with a line."""
        rows: Sequence[tuple[str, str]] = [
            (name, word(f"help.{name}") if name in self._lazy else self.commands[name].help or "")
            for name in self.list_commands(ctx)
        ]
        with formatter.section(word("help.commands")):
            formatter.write_dl(rows)

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        """The option --help."""
        return _help_option(self, ctx)
