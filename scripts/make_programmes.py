"""Write what a programme's document may say: the JSON Schema for editors, and the page for readers.

Usage: python scripts/make_programmes.py schema > docs/reference/programme.schema.json
       python scripts/make_programmes.py page > docs/reference/programmes.md
"""

import json
import sys
from typing import Any

from koudai.documents import schema_of
from koudai.phrases import sentences
from koudai.programmes import COMMISSION_BPS, Programme, ProgrammeMistake
from koudai.programmes.figures import Better, Rule, rule_of

_HEAD = """\
# Programmes: every field 卡计划文档

What a programme's document may say, part by part. How to write one is in `../howto/write-a-programme.md`; editors take
`programme.schema.json`. Amounts (`_minor`) are whole minor units of the currency (12.50 CNY is 1250), rates (`_bps`)
basis points (1 % is 100), days Chinese calendar days, `_s` seconds. A field that isn't known is a mistake, and so is
one with the value `null`: what isn't wanted is left out.

**Better** says which change is to the holder's good, so what `koudai programme diff` calls loosening, and what a card
that was issued before gets of a later version (`docs/adr/0019-promises.md`). *newest*: it isn't a promise, and goes
with the newest version. *kept*: a card keeps what it was issued with.

Written by `scripts/make_programmes.py`; a test holds it against the code.
"""

_BETTER = {
    Better.MORE: "more",
    Better.LESS: "less",
    Better.LISTED: "longer list",
    Better.UNLISTED: "shorter list",
    Better.FREE: "newest",
    Better.KEPT: "kept",
}
_BOUNDS = (("minimum", "≥"), ("maximum", "≤"), ("minItems", "≥"), ("maxItems", "≤"), ("pattern", ""))
_MAX = 2**63 - 1


def schema() -> str:
    """The JSON Schema as it stands in the repository."""
    told = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A card programme of koudai",
        **schema_of(Programme),
    }
    return json.dumps(told, ensure_ascii=False, indent=2) + "\n"


def page() -> str:
    """The page as it stands in the repository."""
    parts: dict[str, list[str]] = {}
    _gather("Programme", "", parts)
    text = _HEAD
    for name, paths in parts.items():
        known = _DEFS[name]
        heading = ", ".join(f"`{path}`" for path in paths if path) or "The document"
        text += f"\n## {heading}\n\n{known['description']}\n\n"
        text += "| field | kind | left out | better | meaning |\n|---|---|---|---|---|\n"
        for field, told in known["properties"].items():
            text += _row(paths[0], field, told, required=field in known["required"])
    text += "\n## Commission classes (M2)\n\n| class | from, bps | to, bps |\n|---|---|---|\n"
    for commission, (least, most) in COMMISSION_BPS.items():
        text += f"| `{commission}` | {least} | {most} |\n"
    text += "\n## What no schema can say\n\n| code | English | 中文 |\n|---|---|---|\n"
    for code in ProgrammeMistake:
        text += f"| `{code}` | {sentences()[code]['en']} | {sentences()[code]['zh']} |\n"
    return text


_DEFS: dict[str, Any] = schema_of(Programme)["$defs"]


def _named(told: dict[str, Any]) -> str:
    return str(told.get("$ref", "")).rpartition("/")[2]


def _gather(name: str, path: str, parts: dict[str, list[str]]) -> None:
    parts.setdefault(name, []).append(path)
    for field, told in _DEFS[name]["properties"].items():
        inner = f"{path}.{field}" if path else field
        item = _named(told) or _named(told.get("items", {}))
        if "properties" in _DEFS.get(item, {}):
            _gather(item, inner + "[]" if "items" in told else inner, parts)


def _row(path: str, field: str, told: dict[str, Any], *, required: bool) -> str:
    whole = f"{path}.{field}" if path else field
    # A limit is named by what it counts, and all kinds of cards have the same rules.
    rule = rule_of(tuple(whole.replace("[]", ".any").split(".")))
    better = "" if rule is None else _way(rule)
    if field == "renewal_days":
        # Left out it is as many days as the validity has, which is not better than more.
        better = "more"
    default = "required" if required else "" if "default" not in told else _default(told["default"])
    meaning = str(told.get("description", "")).replace("|", "\\|")
    return f"| `{field}` | {_kind(told)} | {default} | {better} | {meaning} |\n"


def _way(rule: Rule) -> str:
    if rule.ranks:
        return " < ".join(rule.ranks)
    if rule.better is Better.FREE and rule.absent is not None:
        return "not there" if rule.absent else "there, taken as a whole" if rule.whole else "there"
    return _BETTER[rule.better] + (", or none" if rule.absent else "")


def _default(value: Any) -> str:
    return "" if isinstance(value, dict | list) else f"`{json.dumps(value)}`".replace('"', "")


def _kind(told: dict[str, Any]) -> str:
    if "items" in told:
        return f"list of {_kind(told['items'])}{_bounds(told)}"
    known = _DEFS.get(_named(told), told)
    if "enum" in known:
        return ", ".join(f"`{one}`" for one in known["enum"])
    if "properties" in known:
        return "a part of its own"
    return str(known.get("format") or known["type"]) + _bounds(known)


def _bounds(told: dict[str, Any]) -> str:
    said = [f"{sign} {told[name]:,}" if sign else f"`{told[name]}`" for name, sign in _BOUNDS
            if name in told and told[name] != _MAX]  # fmt: skip
    return f" ({', '.join(said)})" if said else ""


if __name__ == "__main__":
    sys.stdout.write({"schema": schema, "page": page}[sys.argv[1]]())
