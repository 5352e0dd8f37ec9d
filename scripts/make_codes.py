"""Write docs/reference/codes.md: every refusal and fault with its status, its sentences and an example.

Usage: python scripts/make_codes.py > docs/reference/codes.md
"""

import json
import sys
import tomllib
from itertools import groupby
from pathlib import Path
from typing import Any

from koudai.api.problems import STATUS
from koudai.phrases import Language, say, sentences

EXAMPLES = Path(__file__).parents[1] / "docs" / "reference" / "examples"

_HEAD = """\
# Codes 代码表

Every refusal and fault by its code, with the HTTP status at the API (without one it comes from the command line
alone) and what it says in both languages; words in braces are its facts. The example is what led to it, then the
sentence as it is said with the facts of that case. Amounts are in minor units, times in UTC. What a fault of the server
(5xx) found is told in its log and on the command line; a caller of the API is not told its facts.

每个拒绝与故障的代码、API 的 HTTP 状态（无状态者仅见于命令行）与中英文说明；花括号内为其事实。示例先述起因，
再列代入事实后的说明。金额以最小单位计，时间为 UTC。服务端故障（5xx）的事实见于日志与命令行，不告知 API 调用方。

Written by `scripts/make_codes.py` from `src/koudai/phrases` and `docs/reference/examples`; tests hold it against the
code.
"""


def examples() -> dict[str, dict[str, Any]]:
    """Every code's example: `en` and `zh` tell what led to it, `facts` what it carried."""
    known: dict[str, dict[str, Any]] = {}
    for path in sorted(EXAMPLES.glob("*.toml")):
        for room, codes in tomllib.loads(path.read_text(encoding="utf-8")).items():
            known |= {f"{room}.{name}": example for name, example in codes.items()}
    return known


def _entry(code: str, status: int | None, said: dict[str, str], example: dict[str, Any] | None) -> str:
    lines = [f"### `{code}`{f' · {status}' if status else ''}", "", f"{said['en']}\\", said["zh"], ""]
    if example is not None:
        facts = example.get("facts", {})
        for language in Language:
            told = say(code, facts, language)
            quoted = "" if told == said[language] else f"\n  > {told}"
            lines.append(f"- {example[language]}{quoted}")
        lines += [f"- `{json.dumps(facts, ensure_ascii=False)}`"] if facts else []
        lines.append("")
    return "\n".join(lines)


def page() -> str:
    """The page as it stands in the repository."""
    status = {str(code): number for code, number in STATUS.items()}
    shown = examples()
    parts = [_HEAD]
    for room, codes in groupby(sorted(sentences()), key=lambda code: code.partition(".")[0]):
        parts.append(f"## {room}\n")
        parts += [_entry(code, status.get(code), sentences()[code], shown.get(code)) for code in codes]
    return "\n".join(parts).rstrip("\n") + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())
