"""What koudai measures of itself, beside a yardstick that runs on the same server in the same minutes.

A machine's speed drifts, so a figure alone says little: every round runs all contestants one after
another, and what is compared is their ratio within the round. The server is a temporary one of its
own; the data of the installation are never touched.
"""

from koudai.bench.ledger import bench_ledger
from koudai.bench.model import BenchFault, Result

__all__ = ["BenchFault", "Result", "bench_ledger"]
