"""Programmes that come with koudai: runnable as they are, and to begin one's own with."""

from pathlib import Path

_SHELF = Path(__file__).with_name("shipped")


def shipped_names() -> list[str]:
    """Their names."""
    return sorted(path.stem for path in _SHELF.glob("*.yaml"))


def shipped_text(name: str) -> str | None:
    """The document of that name, or None when there is none."""
    return (_SHELF / f"{name}.yaml").read_text(encoding="utf-8") if name in shipped_names() else None
