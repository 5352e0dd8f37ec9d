"""The reference of the law is what the packs are."""

import importlib.util
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_reference_tells_every_clause_as_it_is():
    spec = importlib.util.spec_from_file_location("make_policy", ROOT / "scripts" / "make_policy.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    written = (ROOT / "docs" / "reference" / "policy.md").read_text(encoding="utf-8")
    assert written == script.page(), "run: python scripts/make_policy.py > docs/reference/policy.md"


def test_every_page_about_the_law_says_that_it_is_no_advice():
    pages = ("docs/reference/policy.md", "docs/concepts/policy.md", "docs/howto/an-issuers-first-day.md",
             "docs/howto/a-holders-year.md", "README.md", "README.zh-CN.md")  # fmt: skip
    for page in pages:
        text = (ROOT / page).read_text(encoding="utf-8")
        assert "legal advice" in text or "法律意见" in text, page
