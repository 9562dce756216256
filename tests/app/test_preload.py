"""What the browser is told to fetch before Streamlit has started."""

from __future__ import annotations

import re
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from app.live import bundle
from app.live.preload import EMPTY_PAGE, WIDGETS, Preload, widgets

PAGE = "<!doctype html><html><head><title>x</title></head><body></head></body></html>"


async def page(request: Request) -> Response:
    assert not {"if-none-match", "range", "accept-encoding"} & set(request.headers)
    return HTMLResponse(
        PAGE, headers={"etag": "abc", "last-modified": "long ago", "x-other": "kept"}
    )


async def parts(request: Request) -> Response:
    return StreamingResponse(iter([PAGE[:40].encode(), PAGE[40:].encode()]), media_type="text/html")


async def text(request: Request) -> Response:
    return PlainTextResponse(PAGE, headers={"etag": "abc"})


async def gone(request: Request) -> Response:
    return HTMLResponse(PAGE, 503)


def client(answer: Any, base: str = "") -> TestClient:
    routes = [Route(f"{base}/", answer, methods=["GET", "POST"]), Route(f"{base}/other", text)]
    return TestClient(Preload(Starlette(routes=routes), base))


@pytest.mark.parametrize("base", ["", "/tools"])
@pytest.mark.parametrize("answer", [page, parts])
def test_the_links_are_in_the_head_of_the_page(base: str, answer: Any) -> None:
    found = client(answer, base).get(
        f"{base}/", headers={"if-none-match": "abc", "range": "bytes=0-3"}
    )
    assert found.status_code == 200
    before, after = found.text.split("</head>", 1)
    assert before.startswith("<!doctype html><html><head><title>x</title><link ")
    assert after == "<body></head></body></html>"
    assert int(found.headers["content-length"]) == len(found.content)
    assert not {"etag", "last-modified"} & set(found.headers)
    addresses = re.findall('<link rel="([a-z]+)"[^>]*? href="([^"]+)"', before)
    assert [
        (kind, address.split("?")[0]) for kind, address in addresses if "/static/" not in address
    ] == [
        ("modulepreload", f"./kelvin/bundle/@{bundle.version()}/main.js"),
        ("preload", f"./kelvin/frontend/@{bundle.version()}/styles/live.css"),
        ("modulepreload", f"./kelvin/bundle/@{bundle.version()}/dataset_picker/main.js"),
        ("preload", f"./kelvin/frontend/@{bundle.version()}/styles/dataset_picker.css"),
        ("preload", "./kelvin/plotly.min.js"),
        ("preload", "./kelvin/recordings/first-screen.kelvin"),
    ]
    assert [address for _, address in addresses if "/static/" in address] == [
        f"./static/js/{name}" for name in widgets()
    ]
    scripts = re.findall('<script type="module" src="([^"]+)"></script>', before)
    assert scripts == [f"./kelvin/frontend/@{bundle.version()}/{EMPTY_PAGE}"]
    assert (bundle.FRONTEND / EMPTY_PAGE).is_file()


def test_streamlits_elements_are_called_as_they_are_known_here() -> None:
    """Another Streamlit may call them otherwise: nothing breaks then, but the page takes longer to
    open.
    """
    for name in WIDGETS:
        assert any(found.startswith(f"{name}.") for found in widgets()), name
    assert len(widgets()) == len(set(widgets())) < 80


def test_other_headers_stay() -> None:
    assert client(page).get("/").headers["x-other"] == "kept"


def test_a_page_that_will_show_something_else_does_not_fetch_the_recording() -> None:
    found = client(page).get("/?dataset=moons").text
    assert "modulepreload" in found
    assert ".kelvin" not in found


@pytest.mark.parametrize(
    ("answer", "path", "status"), [(text, "/", 200), (gone, "/", 503), (page, "/other", 200)]
)
def test_anything_else_is_passed_on_as_it_is(answer: Any, path: str, status: int) -> None:
    found = client(answer).get(path)
    assert (found.status_code, found.text) == (status, PAGE)
    assert ("etag" in found.headers) == (answer is text or path == "/other")


def test_only_pages_that_are_asked_for_get_links() -> None:
    assert "modulepreload" not in client(parts).post("/").text
