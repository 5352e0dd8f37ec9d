"""`koudai doctor`: what around koudai is not as it should be."""

import os
from collections import Counter
from typing import Any

import click

from koudai.base import Fault
from koudai.cli.codes import DONE, FAILED
from koudai.cli.diagnosis import Finding, Status
from koudai.cli.examine import examine, keyring
from koudai.cli.options import as_json
from koudai.cli.running import Call
from koudai.cli.screen import print_table
from koudai.cli.session import opened
from koudai.cli.speak import print_json
from koudai.cli.tree import Command
from koudai.cli.words import language, word
from koudai.phrases import say


@click.command("doctor", cls=Command, help=word("help.doctor"))
@as_json
@click.pass_obj
def doctor(call: Call, as_json: bool) -> int:
    """Examine the installation; 1 when a check fails."""
    findings = call.run(_all_findings())
    counts = Counter(f.status for f in findings)
    if as_json:
        checks = [_object(f) for f in findings]
        print_json({"checks": checks, **{str(status): counts[status] for status in Status}})
    else:
        rows = [(word(f"status.{f.status}"), f.check, say(f.code, f.facts, language())) for f in findings]
        print_table([word("head.status"), word("head.check"), word("head.detail")], rows)
    return FAILED if counts[Status.FAIL] else DONE


def _object(finding: Finding) -> dict[str, Any]:
    told = {"check": finding.check, "status": str(finding.status), "code": finding.code}
    return {**finding.facts, **told, "detail": say(finding.code, finding.facts, language())}


async def _all_findings() -> list[Finding]:
    """What was found; an installation that doesn't open is a finding too."""
    findings = []
    try:
        async with opened() as instance:
            findings = await examine(instance)
    except Fault as fault:
        findings.append(Finding("opens", Status.FAIL, fault.code, fault.facts))
    of_keyring = keyring(os.environ)
    return [*findings, of_keyring] if of_keyring else findings
