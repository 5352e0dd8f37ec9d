"""The probes: Zipf's frequencies, the memory of a tree of processes, the log between two positions."""

import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

from koudai.bench.probe import Zipf, process_tree, rss_bytes, wal_bytes

needs_proc = pytest.mark.skipif(
    not Path("/proc/self/smaps_rollup").exists(), reason="this system has no /proc/<pid>/smaps_rollup"
)


def test_the_first_ranks_come_up_in_proportion_to_one_by_rank() -> None:
    items, draws = 1_000, 200_000
    zipf = Zipf(items, seed=7)
    found = Counter(zipf.draw(draws))
    all_together = sum(1 / rank for rank in range(1, items + 1))
    for rank, item in enumerate(zipf.ranked[:10], start=1):
        assert found[item] / draws == pytest.approx(1 / rank / all_together, rel=0.04)


def test_every_item_can_be_drawn_and_nothing_else() -> None:
    assert set(Zipf(200, seed=7).draw(50_000)) == set(range(200))
    assert Zipf(1, seed=7).draw(3) == [0, 0, 0]


def test_ranks_are_shuffled_over_the_items() -> None:
    ranked = Zipf(1_000, seed=7).ranked
    assert sorted(ranked) == list(range(1_000))
    # Of a random order, one item on average stays where it was.
    assert sum(rank == item for rank, item in enumerate(ranked)) < 10


def test_one_seed_draws_the_same_and_another_something_else() -> None:
    one, again, other = Zipf(1_000, seed=7), Zipf(1_000, seed=7), Zipf(1_000, seed=8)
    assert one.ranked == again.ranked != other.ranked
    first = one.draw(50)
    assert first == again.draw(50)
    assert first != one.draw(50) == again.draw(50)


def test_streams_of_one_seed_have_the_same_favourites_and_draw_apart() -> None:
    one, other = Zipf(1_000, seed=7, stream=0), Zipf(1_000, seed=7, stream=1)
    assert one.ranked == other.ranked
    assert one.draw(50) != other.draw(50)


def test_there_is_nothing_to_draw_from_no_items() -> None:
    with pytest.raises(ValueError, match="nothing to draw"):
        Zipf(0, seed=7)


def rollup(proc: Path, pid: int | str, kib: Mapping[str, int]) -> None:
    folder = proc / str(pid)
    folder.mkdir()
    lines = [f"{name}: {value:>14} kB\n" for name, value in kib.items()]
    (folder / "smaps_rollup").write_text("00400000-7ffd0000 ---p 00000000 00:00 0    [rollup]\n" + "".join(lines))


def test_memory_is_the_sum_of_what_falls_to_each_process(tmp_path: Path) -> None:
    rollup(tmp_path, "self", {"Pss": 1})
    rollup(tmp_path, 10, {"Rss": 900, "Pss": 300, "Pss_Dirty": 200, "SwapPss": 50})
    rollup(tmp_path, 11, {"Rss": 800, "Pss": 250})
    assert rss_bytes([10, 11], tmp_path) == 550 * 1024


def test_shared_huge_pages_count_once(tmp_path: Path) -> None:
    rollup(tmp_path, "self", {"Pss": 1})
    rollup(tmp_path, 10, {"Pss": 10, "Shared_Hugetlb": 4096, "Private_Hugetlb": 0})
    rollup(tmp_path, 11, {"Pss": 10, "Shared_Hugetlb": 2048, "Private_Hugetlb": 2048})
    assert rss_bytes([10, 11], tmp_path) == (20 + 4096 + 2048) * 1024


def test_a_process_that_has_ended_counts_nothing(tmp_path: Path) -> None:
    rollup(tmp_path, "self", {"Pss": 1})
    rollup(tmp_path, 10, {"Pss": 300})
    assert rss_bytes([10, 99], tmp_path) == 300 * 1024


def test_memory_is_unknown_and_not_zero_where_the_system_does_not_tell(tmp_path: Path) -> None:
    assert rss_bytes([10], tmp_path / "nowhere") is None


def stat(proc: Path, pid: int, parent: int, name: str) -> None:
    (proc / str(pid)).mkdir()
    (proc / str(pid) / "stat").write_text(f"{pid} ({name}) S {parent} 1 1 0 -1 4194560\n")


def test_a_tree_has_all_that_descends_from_its_root_whatever_its_name(tmp_path: Path) -> None:
    stat(tmp_path, 2, 1, "postgres")
    stat(tmp_path, 30, 2, "a) S 7 (b")
    stat(tmp_path, 4, 30, "grandchild")
    stat(tmp_path, 5, 1, "stranger")
    (tmp_path / "6").mkdir()
    assert sorted(process_tree(2, tmp_path)) == [2, 4, 30]
    assert process_tree(99, tmp_path) == []


@needs_proc
def test_a_child_and_its_memory_are_found_on_this_system() -> None:
    held = 50_000_000
    program = f"held = b'x' * {held}\nprint(flush=True)\ninput()"
    shell = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {program!r}])"
    with subprocess.Popen([sys.executable, "-c", shell], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        tree = process_tree(parent.pid)
        taken = rss_bytes(tree)
        parent.communicate(b"\n")
    assert tree[0] == parent.pid
    assert len(tree) == 2
    assert taken is not None
    assert held < taken < 3 * held


@pytest.mark.parametrize(
    ("before", "after", "written"),
    [
        ("0/0", "0/0", 0),
        ("0/16B3740", "0/16B3748", 8),
        ("0/FFFFFFFF", "1/0", 1),
        ("16/B374D848", "1a/00000010", 4 * 2**32 - 0xB374D848 + 0x10),
    ],
)
def test_log_is_counted_across_the_slash(before: str, after: str, written: int) -> None:
    assert wal_bytes(before, after) == written


@pytest.mark.parametrize("wrong", ["", "0", "0/", "/0", "0/0 ", "0/123456789", "x/0", "-1/0"])
def test_what_is_no_position_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="no position"):
        wal_bytes("0/0", wrong)


def test_positions_the_wrong_way_round_are_refused() -> None:
    with pytest.raises(ValueError, match="comes before"):
        wal_bytes("1/0", "0/FFFFFFFF")
