"""What koudai measures of itself, beside a yardstick that runs on the same server in the same minutes.

A machine's speed drifts, so a figure alone says little: every round runs all contestants one after
another, and what is compared is their ratio within the round. The server is a temporary one of its
own; the data of the installation are never touched.
"""

from koudai.bench.ledger import bench_ledger
from koudai.bench.model import CONTESTS, BenchFault, Wish
from koudai.bench.read import Reading, bench_read
from koudai.bench.result import Result
from koudai.bench.verbs import Verbs, bench_cards

__all__ = ["CONTESTS", "BenchFault", "Reading", "Result", "Verbs", "Wish", "bench_cards", "bench_ledger", "bench_read"]
