"""What a larger contest looks through: who is drawn how often, and what a server takes of memory and log."""

import random
import re
from collections.abc import Iterable, Sequence
from itertools import accumulate
from pathlib import Path

_PROC = Path("/proc")
_ROLLUP = "smaps_rollup"
_FIELD = re.compile(r"^(\w+):\s+(\d+) kB$", re.MULTILINE)
_LSN = re.compile(r"([0-9A-Fa-f]{1,8})/([0-9A-Fa-f]{1,8})")


class Zipf:
    """Draws from `range(items)` so that the item of rank r comes up in proportion to 1 / r.

    `seed` says which item has which rank, and with `stream` what is drawn in which order: processes with
    one seed and different streams have the same favourites and draw apart. A draw takes O(log items).
    """

    def __init__(self, items: int, seed: int, stream: int = 0) -> None:
        if items < 1:
            raise ValueError("there is nothing to draw from")
        ranked = list(range(items))
        random.Random(f"ranks/{seed}").shuffle(ranked)  # noqa: S311 repeatable load, no secret
        self.ranked: Sequence[int] = tuple(ranked)
        self._weights = list(accumulate(1 / rank for rank in range(1, items + 1)))
        self._chance = random.Random(f"draws/{seed}/{stream}")  # noqa: S311 the same

    def draw(self, count: int) -> list[int]:
        """The next so many items; `ranked` has all of them, the most frequent first."""
        return self._chance.choices(self.ranked, cum_weights=self._weights, k=count)


def process_tree(root: int, proc: Path = _PROC) -> list[int]:
    """The process ids of `root` and of all that descend from it; none when it isn't there."""
    children: dict[int, list[int]] = {}
    for path in proc.glob("[0-9]*/stat"):
        parent = _parent(path)
        if parent is not None:
            children.setdefault(parent, []).append(int(path.parent.name))
    found = [root] if (proc / str(root)).is_dir() else []
    for pid in found:
        found += children.get(pid, ())
    return found


def _parent(stat: Path) -> int | None:
    """The parent of a process, unless that has ended meanwhile."""
    try:
        # The second field is the program's name in parentheses, which may hold anything, these too.
        return int(stat.read_text(errors="replace").rpartition(")")[2].split()[1])
    except (OSError, IndexError):
        return None


def rss_bytes(pids: Iterable[int], proc: Path = _PROC) -> int | None:
    """Resident memory in bytes of processes together, what they share counted once.

    For a server: those of its `process_tree`. A page that n processes have counts 1/n in each (Pss), so
    that the sum over all who have it is the page; huge pages, which have no Pss, are counted by the most
    that one process shares. A process that has ended counts nothing. None where the system doesn't tell:
    there is no such file, or it may not be read.
    """
    if not (proc / "self" / _ROLLUP).exists():
        return None
    own = shared = 0
    for pid in pids:
        try:
            text = (proc / str(pid) / _ROLLUP).read_text()
        except PermissionError:
            return None
        except (FileNotFoundError, ProcessLookupError):
            continue
        told = {name: int(kib) * 1024 for name, kib in _FIELD.findall(text)}
        own += told.get("Pss", 0) + told.get("Private_Hugetlb", 0)
        shared = max(shared, told.get("Shared_Hugetlb", 0))
    return own + shared


def wal_bytes(before_lsn: str, after_lsn: str) -> int:
    """Bytes of write-ahead log between two positions, as `pg_current_wal_lsn()` writes them.

    Raises ValueError for what is no position, and when the second one comes first.
    """
    written = _position(after_lsn) - _position(before_lsn)
    if written < 0:
        raise ValueError(f"{after_lsn} comes before {before_lsn}")
    return written


def _position(lsn: str) -> int:
    found = _LSN.fullmatch(lsn)
    if found is None:
        raise ValueError(f"{lsn!r} is no position in the log")
    return int(found[1], 16) << 32 | int(found[2], 16)
