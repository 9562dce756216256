"""Downloads against a local server: whole, cut off, corrupt, missing, offline, and the next mirror
when one fails.
"""

import gzip
import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from engine.datasets import DATASETS, mnist
from engine.datasets.download import DownloadFailed, fetch
from engine.errors import BadInput

BODY = bytes(range(256)) * 2000
PACKED = gzip.compress(BODY)
SHA = hashlib.sha256(BODY).hexdigest()
NAME = "file.gz"


class Handler(BaseHTTPRequestHandler):
    """Serves PACKED, damaged in the way the first part of the path says."""

    def do_GET(self) -> None:
        way = self.path.split("/")[1]
        self.server.asked.append(self.path)  # type: ignore[attr-defined]
        if way == "missing":
            self.send_error(404)
            return
        body = {
            "corrupt": gzip.compress(b"x" + BODY[1:]),
            "text": b"<html>no such thing</html>",
            "short": PACKED[:-200],
        }.get(way, PACKED)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body) + (1000 if way == "cut" else 0)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.asked = []  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def address(server: ThreadingHTTPServer, way: str) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}/{way}/"


def test_whole_with_a_progress_bar_and_only_once(
    server: ThreadingHTTPServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = fetch([address(server, "whole")], NAME, SHA, tmp_path / "new" / "folder")
    assert path.read_bytes() == PACKED
    assert NAME in capsys.readouterr().err
    assert [p.name for p in path.parent.iterdir()] == [NAME]
    fetch([address(server, "whole")], NAME, SHA, path.parent)
    assert len(server.asked) == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("way", "why"),
    [
        ("cut", "cut off"),
        ("short", "checksum is wrong"),
        ("corrupt", "checksum is wrong"),
        ("text", "no gzip file"),
        ("missing", "answered 404"),
    ],
)
def test_what_is_not_whole_leaves_nothing_behind(
    server: ThreadingHTTPServer, tmp_path: Path, way: str, why: str
) -> None:
    with pytest.raises(DownloadFailed, match=why):
        fetch([address(server, way)], NAME, SHA, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_next_mirror_is_tried(server: ThreadingHTTPServer, tmp_path: Path) -> None:
    mirrors = [
        "http://127.0.0.1:9/",
        address(server, "cut"),
        address(server, "corrupt"),
        address(server, "whole"),
    ]
    assert fetch(mirrors, NAME, SHA, tmp_path).read_bytes() == PACKED
    assert [p.name for p in tmp_path.iterdir()] == [NAME]


def test_two_at_once_both_get_a_whole_file(server: ThreadingHTTPServer, tmp_path: Path) -> None:
    failures: list[Exception] = []

    def go() -> None:
        try:
            assert fetch([address(server, "whole")], NAME, SHA, tmp_path).read_bytes() == PACKED
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=go) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert [p.name for p in tmp_path.iterdir()] == [NAME]


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_offline_without_files_says_what_to_do(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KELVIN_DATA", raising=False)
    monkeypatch.setenv("KELVIN_CACHE", str(tmp_path))
    monkeypatch.setattr(type(DATASETS.build(name)), "mirrors", ("http://127.0.0.1:9/",))
    with pytest.raises(BadInput) as caught:
        DATASETS.build(name).load(0)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert "KELVIN_DATA" in sentence
    assert f"{name}-small" in sentence
    assert "no connection" in sentence
    assert str(tmp_path) not in sentence, "a visitor is told nothing of the machine's folders"
    said = caught.value.sentence
    assert "could not be downloaded" in said
    assert "Press Run to try again" in said
    assert DATASETS.get(f"{name}-small").label in said, "as it stands in the list"
    assert "not allowed" not in said, "it was picked from a list"
    assert str(tmp_path) not in said


def test_a_download_is_read_by_the_real_loader(
    server: ThreadingHTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kelvin_data: Path
) -> None:
    """The standard files, served locally, fetched into the cache and read."""
    real = kelvin_data / "mnist"

    def do_get(handler: Handler) -> None:
        body = (real / Path(handler.path).name).read_bytes()
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    monkeypatch.setattr(Handler, "do_GET", do_get)
    monkeypatch.delenv("KELVIN_DATA")
    monkeypatch.setenv("KELVIN_CACHE", str(tmp_path))
    monkeypatch.setattr(type(DATASETS.build("mnist")), "mirrors", (address(server, "x"),))
    data = DATASETS.build("mnist").load(0)
    assert len(data.y_train) == 60_000
    assert sorted(p.name for p in (tmp_path / "mnist").iterdir()) == sorted(
        f"{stem}.gz" for stem in mnist.FILES.values()
    )
