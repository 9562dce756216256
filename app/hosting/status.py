"""The server's figures: in Prometheus' text format, and as a page for people."""

from __future__ import annotations

import contextlib
import html
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable

import psutil
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, generate_latest
from prometheus_client import Counter as Counted
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from app.hosting import descriptors, pages
from app.hosting.watch import WATCH, Watch
from app.live.hub import Hub
from app.text import t
from engine import __version__
from engine.uploads.store import store_folder

NEVER_KEPT = {"Cache-Control": "no-store"}
UNITS = ("B", "KB", "MB", "GB", "TB")


class Figures(Collector):
    """What is looked up when it is asked for: races, memory, files.

    Args:
        hub: returns the server's hub.
        watch: its counts.
    """

    def __init__(self, hub: Callable[[], Hub], watch: Watch) -> None:
        self.hub, self.watch = hub, watch
        self.process = psutil.Process()

    def races(self) -> Counter[str]:
        """Return how many races there are in each state."""
        return Counter(str(race.state.get("state")) for race in self.hub().races.values())

    def memory(self) -> tuple[int, int, int]:
        """Return the bytes of the server and of the processes of races, and how many those are."""
        workers = []
        for child in self.process.children():
            with contextlib.suppress(psutil.Error):
                if "kelvin-worker" in child.name() or "spawn_main" in " ".join(child.cmdline()):
                    workers.append(child.memory_info().rss)
        return self.process.memory_info().rss, sum(workers), len(workers)

    def dropped(self) -> int:
        """Return how many messages open live views have missed."""
        viewers = {viewer for race in self.hub().races.values() for viewer in race.viewers}
        return sum(viewer.dropped for viewer in viewers)

    def uploads(self) -> tuple[int, int]:
        """Return the bytes and the number of uploaded files that are kept."""
        size, files = 0, 0
        with contextlib.suppress(OSError):
            for place in store_folder().iterdir():
                if place.is_dir():
                    files += 1
                    with contextlib.suppress(OSError):
                        size += sum(file.stat().st_size for file in place.iterdir())
        return size, files

    def seconds(self) -> float:
        return time.time() - self.process.create_time()

    def collect(self) -> Iterable[Metric]:
        """Yield the figures for Prometheus."""
        yield InfoMetricFamily("kelvin", t("hosting.figure-info"), value={"version": __version__})
        states = GaugeMetricFamily("kelvin_races", t("hosting.figure-races"), labels=["state"])
        for state, count in {**dict.fromkeys(STATES, 0), **self.races()}.items():
            states.add_metric([state], count)
        yield states
        yield GaugeMetricFamily(
            "kelvin_queue_length", t("hosting.figure-queue_length"), value=self.hub().pool.waiting
        )
        server, workers, count = self.memory()
        memory = GaugeMetricFamily(
            "kelvin_memory_bytes", t("hosting.figure-memory_bytes"), labels=["processes"]
        )
        memory.add_metric(["server"], server)
        memory.add_metric(["workers"], workers)
        yield memory
        yield GaugeMetricFamily("kelvin_workers", t("hosting.figure-workers"), value=count)
        size, files = self.uploads()
        yield GaugeMetricFamily(
            "kelvin_uploads_bytes", t("hosting.figure-uploads_bytes"), value=size
        )
        yield GaugeMetricFamily(
            "kelvin_uploads_files", t("hosting.figure-uploads_files"), value=files
        )
        opened, most = descriptors.used(), descriptors.most()
        yield GaugeMetricFamily("kelvin_open_fds", t("hosting.figure-open_fds"), value=opened)
        yield GaugeMetricFamily("kelvin_max_fds", t("hosting.figure-max_fds"), value=most)
        yield CounterMetricFamily(
            "kelvin_cpu_seconds", t("hosting.figure-cpu_seconds"), value=sum(os.times()[:2])
        )
        yield GaugeMetricFamily(
            "kelvin_up_seconds", t("hosting.figure-up_seconds"), value=self.seconds()
        )


STATES = ("queued", "starting", "running", "paused", "done", "ended")


def routes(hub: Callable[[], Hub], base: str = "", watch: Watch = WATCH) -> list[BaseRoute]:
    """Return the routes of the host's pages; who may see them is the door's business.

    Args:
        hub: returns the server's hub.
        base: the server's base path, such as "/tools", or "".
        watch: the server's counts.
    """
    figures = Figures(hub, watch)
    watch.registry.register(_Late(figures))

    def metrics(request: Request) -> Response:
        return Response(
            generate_latest(watch.registry), media_type=CONTENT_TYPE_LATEST, headers=NEVER_KEPT
        )

    def status(request: Request) -> Response:
        return HTMLResponse(page(figures), headers=NEVER_KEPT)

    return [
        Route(base + "/kelvin/metrics", metrics),
        Route(base + "/kelvin/status", status),
    ]


class _Late(Collector):
    """Figures that are not looked up when they are registered: there is no hub yet."""

    def __init__(self, figures: Figures) -> None:
        self.figures = figures

    def collect(self) -> Iterable[Metric]:
        return self.figures.collect()

    def describe(self) -> Iterable[Metric]:
        return []


def page(figures: Figures) -> str:
    """Return the status page."""
    watch, races = figures.watch, figures.races()
    server, workers, count = figures.memory()
    size, files = figures.uploads()
    refused = {
        sample.labels["reason"]: sample.value
        for metric in watch.refused.collect()
        for sample in metric.samples
        if sample.name.endswith("_total")
    }
    median, most = (quantile(watch, share) for share in (0.5, 0.95))
    people = [
        (t("hosting.pages"), f"{_value(watch.pages):,.0f}"),
        (t("hosting.viewers"), f"{_value(watch.viewers):,.0f}"),
        *((t("hosting.refused-for", reason=name), f"{n:,.0f}") for name, n in refused.items()),
    ]
    going = [
        *((t("hosting.race-state", state=name), f"{n:,}") for name, n in sorted(races.items())),
        *([] if races else [(t("hosting.no-races"), "0")]),
        (t("hosting.waiting"), f"{figures.hub().pool.waiting:,}"),
        (t("hosting.started"), f"{_value(watch.started):,.0f}"),
        (t("hosting.frame"), f"{median}, {most}"),
        (t("hosting.sent"), f"{_value(watch.sent):,.0f}"),
        (t("hosting.sent-bytes"), in_bytes(_value(watch.sent_bytes))),
        (t("hosting.dropped"), f"{_value(watch.dropped) + figures.dropped():,.0f}"),
    ]
    machine = [
        (t("hosting.memory-server"), in_bytes(server)),
        (t("hosting.memory-workers", count=count), in_bytes(workers)),
        (t("hosting.uploads"), f"{files:,} · {in_bytes(size)}"),
        (t("hosting.descriptors"), f"{descriptors.used():,} / {descriptors.most():,}"),
    ]
    up = in_time(figures.seconds())
    body = f"<p>{html.escape(t('hosting.status-of', version=__version__, time=up))}</p>"
    if watch.draining:
        body += f'<p role="alert">{html.escape(t("hosting.ending"))}</p>'
    for title, rows in (("people", people), ("races", going), ("machine", machine)):
        body += f"<h2>{html.escape(t(f'hosting.{title}'))}</h2><table>"
        for name, value in rows:
            body += f'<tr><th scope="row">{html.escape(name)}</th><td>{html.escape(value)}</td>'
        body += "</table>"
    body += f"<form><button>{html.escape(t('hosting.again'))}</button></form>"
    return pages.page(f"Kelvin: {t('hosting.status')}", body, wide=True)


def _value(metric: Gauge | Counted) -> float:
    """Return the value of a count without labels."""
    samples = next(iter(metric.collect())).samples
    return float(samples[0].value)


def quantile(watch: Watch, share: float) -> str:
    """Return below which bound of the histogram that share of all frames was sent."""
    buckets = [
        (float(sample.labels["le"]), sample.value)
        for metric in watch.frames.collect()
        for sample in metric.samples
        if sample.name.endswith("_bucket")
    ]
    total = buckets[-1][1]
    if not total:
        return "–"
    bound = next(bound for bound, count in buckets if count >= share * total)
    return f"≤ {bound:g} s" if bound < float("inf") else f"> {buckets[-2][0]:g} s"


def in_bytes(size: float) -> str:
    """Return a size as people read it."""
    for unit in UNITS[:-1]:
        if size < 1000:
            return f"{size:.3g} {unit}" if unit != "B" else f"{size:.0f} B"
        size /= 1000
    return f"{size:.3g} {UNITS[-1]}"


def in_time(seconds: float) -> str:
    """Return a time as people read it."""
    minutes, days = int(seconds // 60), int(seconds // 86_400)
    if minutes < 1:
        return f"{int(seconds)} s"
    if minutes < 60:
        return f"{minutes} min"
    if days < 1:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{days} d {minutes // 60 % 24} h"
