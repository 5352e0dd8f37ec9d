"""Write docs/reference/codes.md: every refusal and fault with its status and its sentences.

Usage: python scripts/make_codes.py > docs/reference/codes.md
"""

import sys

from koudai.api.problems import STATUS
from koudai.phrases import sentences

_HEAD = """\
# Codes 代码表

Every refusal and fault by its code, with the HTTP status at the API (none: it comes from the command line alone)
and what it says in both languages; words in braces are its facts. Written by `scripts/make_codes.py`; a test holds it
against the code.

| code | HTTP | English | 中文 |
|---|---|---|---|
"""


def page() -> str:
    """The page as it stands in the repository."""
    status = {str(code): number for code, number in STATUS.items()}
    rows = []
    for code, said in sorted(sentences().items()):
        english, chinese = (said[language].replace("|", "\\|").replace("\n", " ") for language in ("en", "zh"))
        rows.append(f"| `{code}` | {status.get(code, '')} | {english} | {chinese} |\n")
    return _HEAD + "".join(rows)


if __name__ == "__main__":
    sys.stdout.write(page())
