"""What a machine tells of its disks and its clock."""

import ctypes
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

_STA_UNSYNC = 0x0040
_PAGE = b"\0" * 8192
_TRIES = 15


class _Timex(ctypes.Structure):
    """The beginning of the kernel's `struct timex`, and room for the rest of it."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_char * 512),
    )


def clock_is_synchronised() -> bool | None:
    """Whether the kernel's clock follows a time source; None where it doesn't say."""
    if sys.platform != "linux":
        return None
    adjtimex = getattr(ctypes.CDLL(None), "adjtimex", None)
    told = _Timex()
    if adjtimex is None or adjtimex(ctypes.byref(told)) < 0:
        return None
    return not told.status & _STA_UNSYNC


def file_system(path: Path) -> str | None:
    """The type of the file system that a directory is on (`ext4`, `tmpfs`); None where it isn't told."""
    try:
        lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        device = path.stat().st_dev
    except OSError:
        return None
    name = f"{os.major(device)}:{os.minor(device)}"
    for line in reversed(lines):
        before, _, after = line.partition(" - ")
        if before.split()[2] == name:
            return after.split()[0]
    return None


def fsync_micros(directory: Path) -> float:
    """How long it takes to make 8 KiB durable on a directory's file system: the median, in microseconds."""
    took = []
    with tempfile.TemporaryFile(dir=directory, buffering=0) as file:
        for _ in range(_TRIES):
            file.write(_PAGE)
            began = time.perf_counter()
            os.fsync(file.fileno())
            took.append((time.perf_counter() - began) * 1e6)
    return statistics.median(took)


def free_bytes(directory: Path) -> int:
    """What an ordinary user can still write on a directory's file system."""
    seen = os.statvfs(directory)
    return seen.f_bavail * seen.f_frsize
