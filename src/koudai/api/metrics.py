"""What is counted: requests, batches, problems. No personal data: routes by their template, codes, figures."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

CONTENT_TYPE = CONTENT_TYPE_LATEST.encode()

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_COMMANDS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


class Metrics:
    """The counters of one server."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._requests = Counter(
            "koudai_http_requests", "Requests by route and status.", ("route", "method", "status"),
            registry=self.registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "koudai_http_request_seconds", "Time from request to answer.", ("route", "method"), buckets=_SECONDS,
            registry=self.registry,
        )  # fmt: skip
        self._problems = Counter("koudai_problems", "Problems told, by code.", ("code",), registry=self.registry)
        self._batch_commands = Histogram(
            "koudai_batch_commands", "Commands in one batch.", buckets=_COMMANDS, registry=self.registry
        )
        self._batch_seconds = Histogram(
            "koudai_batch_seconds", "Time from taking a batch to its outcomes.", buckets=_SECONDS,
            registry=self.registry,
        )  # fmt: skip
        self._waiting = Gauge("koudai_commands_waiting", "Commands waiting for a batch.", registry=self.registry)
        self._counted: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def watch_waiting(self, waiting: Callable[[], float]) -> None:
        """Where the number of waiting commands is read."""
        self._waiting.set_function(waiting)

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        known = self._counted.get((route, method, status))
        if known is None:
            known = (self._requests.labels(route, method, str(status)), self._seconds.labels(route, method))
            self._counted[route, method, status] = known
        known[0].inc()
        known[1].observe(seconds)

    def problem(self, code: str) -> None:
        """Count a problem that was told."""
        self._problems.labels(code).inc()

    def batch(self, commands: int, seconds: float) -> None:
        """Count a batch."""
        self._batch_commands.observe(commands)
        self._batch_seconds.observe(seconds)

    def text(self) -> bytes:
        """All of it, in Prometheus' text form."""
        return generate_latest(self.registry)
