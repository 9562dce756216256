"""What the host of a server can see of it: events in the log, and counts.

The log never has a token, a password, the name of an uploaded file or a whole address.
"""

from __future__ import annotations

import itertools
import json
import logging
import re
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
)

from app.text import t
from engine.system import settings

if TYPE_CHECKING:
    from app.live.hub import Viewer

log = logging.getLogger("kelvin")
TOKENS = re.compile(r"(?<![\w-])(?:[0-9a-f]{32}|(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]{32})(?![\w-])")
"""Tokens of races and of uploaded files."""
FRAME_SECONDS = (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)
REFUSALS_A_MINUTE = 20
"""Refusals for one reason that are logged in a minute: a log is not a stranger's to fill."""


disable_created_metrics()


class Watch:
    """Counts of one server.

    Attributes:
        registry: where Prometheus' format is made from.
        draining: whether the server is about to end, so that no new race may start.
        audience: the open live views.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.registry, self._clock = CollectorRegistry(), clock
        self.draining = False
        self.audience: set[Viewer] = set()
        self._races = itertools.count(1)
        self._told: dict[str, tuple[int, int]] = {}
        self.pages = self._gauge("pages")
        self.viewers = self._gauge("viewers")
        self.sent = self._counter("messages_sent")
        self.sent_bytes = self._counter("sent_bytes")
        self.dropped = self._counter("messages_dropped")
        self.commands = self._counter("commands")
        self.refused = self._counter("refused", "reason")
        self.started = self._counter("races_started")
        self.ended = self._counter("races_ended", "state")
        self.logins = self._counter("logins", "result")
        self.frames = Histogram(
            "kelvin_frame_seconds",
            t("hosting.figure-frame_seconds"),
            buckets=FRAME_SECONDS,
            registry=self.registry,
        )

    def _counter(self, name: str, *labels: str) -> Counter:
        return Counter(
            f"kelvin_{name}", t(f"hosting.figure-{name}"), labels, registry=self.registry
        )

    def _gauge(self, name: str) -> Gauge:
        return Gauge(f"kelvin_{name}", t(f"hosting.figure-{name}"), registry=self.registry)

    def refuse(self, reason: str, **fields: Any) -> None:
        """Count and log something that was refused; of many in a minute, only the first are
        logged, and the last of those says so.
        """
        self.refused.labels(reason).inc()
        minute = int(self._clock() // 60)
        before, count = self._told.get(reason, (minute, 0))
        count = count + 1 if before == minute else 1
        self._told[reason] = minute, count
        if count <= REFUSALS_A_MINUTE:
            tell("refused", reason=reason, **fields, last=(count == REFUSALS_A_MINUTE) or None)

    def race_started(self, experiment: dict[str, Any]) -> int:
        """Count and log a race; return its number in this server's log."""
        number = next(self._races)
        self.started.inc()
        problem = experiment.get("dataset") or experiment.get("instance") or {}
        tell(
            "race started",
            race=number,
            problem=problem.get("name") if isinstance(problem, dict) else str(problem),
            methods=[lane.get("name") for lane in experiment.get("lanes", [])],
        )
        return number

    def race_ended(self, number: int, state: str, seconds: float) -> None:
        """Count and log the end of a race."""
        self.ended.labels(state).inc()
        tell("race ended", race=number, state=state, seconds=round(seconds, 1))


def tell(event: str, **fields: Any) -> None:
    """Log an event."""
    log.info(event, extra={"fields": fields})


def without_secrets(text: str) -> str:
    """Return a text without tokens."""
    return TOKENS.sub("…", text)


class Lines(logging.Formatter):
    """Format a record as one line: plain words, or JSON.

    Args:
        form: one of `settings.LOGS`.
    """

    def __init__(self, form: str) -> None:
        super().__init__()
        self.form = form

    def format(self, record: logging.LogRecord) -> str:
        fields = {
            name: value
            for name, value in getattr(record, "fields", {}).items()
            if value not in (None, "")
        }
        when = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        message = record.getMessage()
        trace = self.formatException(record.exc_info) if record.exc_info else ""
        if self.form == "json":
            line = json.dumps(
                {
                    "time": when,
                    "level": record.levelname.lower(),
                    "logger": record.name,
                    "event": message,
                    **fields,
                    **({"traceback": trace} if trace else {}),
                },
                ensure_ascii=False,
                default=str,
            )
        else:
            words = [f"{name}={_word(value)}" for name, value in fields.items()]
            line = " ".join([when, record.levelname.lower(), message, *words])
            line += f"\n{trace}" if trace else ""
        return without_secrets(line)


def _word(value: Any) -> str:
    text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if text and not re.search(r"[\s\"=]", text) else json.dumps(text)


class _Redacted(logging.Filter):
    """Take tokens out of records that others format."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = without_secrets(record.getMessage()), ()
        return True


OTHERS = ("streamlit", "uvicorn", "uvicorn.error", "asyncio")
"""Loggers that others have set up; not that of every request, which has whole addresses."""


def configure() -> None:
    """Set up the server's log as ``KELVIN_LOG`` says. Call it when Streamlit and uvicorn have set
    up theirs.
    """
    form = settings.log()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines(form))
    root = logging.getLogger()
    if form == "json":
        root.handlers = [handler]
        logging.captureWarnings(True)
        for name in OTHERS:
            other = logging.getLogger(name)
            other.handlers, other.propagate = [], True
    else:
        for name in OTHERS:
            for one in logging.getLogger(name).handlers:
                one.addFilter(_Redacted())
        log.handlers, log.propagate = [handler], False
        for name in ("app", "engine"):
            logging.getLogger(name).handlers = [handler]
            logging.getLogger(name).propagate = False
    log.setLevel(logging.INFO)


WATCH = Watch()
"""The counts of this process's server."""
