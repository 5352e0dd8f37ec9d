"""The command line: the door for people and scripts at a terminal.

A command parses its words, opens the installation, calls one verb or view, and renders what came.
`--json` prints one object on standard output and nothing else there; progress goes to standard error.
The exit status is 0 when it is done, 1 when something was found, refused or failed, 2 when the command
was wrong. What this door may not import itself (another door, the replay, the benchmark) it is handed
by `app`.
"""

from koudai.cli.parts import Parts
from koudai.cli.root import run_cli

__all__ = ["Parts", "run_cli"]
