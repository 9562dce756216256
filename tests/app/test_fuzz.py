"""Messages, links and files that are almost right, by the thousand: each is taken or refused in one
line, and none ends in an error of Kelvin's own.
"""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import logging
import random
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from app import link
from app.hosting.watch import Watch
from app.live import stream
from app.live.hub import Hub, Viewer
from app.text import plain, t
from engine.any_race import parse_experiment
from engine.combinatorial.reading.__main__ import work as read_cities
from engine.errors import BadInput
from engine.messages.encoding import decode
from engine.uploads.__main__ import work as read_data
from tests.app.fake_race import FakePool

CASES = pytest.mark.parametrize("count", [300, pytest.param(10_000, marks=pytest.mark.slow)])
FEW = pytest.mark.parametrize("count", [150, pytest.param(10_000, marks=pytest.mark.slow)])
"""Of files, each of which takes some milliseconds."""

EXPERIMENTS: list[Any] = [
    {"dataset": "moons", "lanes": ["annealing", "adam"], "seed": 3},
    {"dataset": {"name": "digits"}, "lanes": [{"name": "eki", "population_size": 20}], "seeds": 4},
    {
        "dataset": {"name": "landscape", "function": "himmelblau"},
        "lanes": ["pso"],
        "budget": {"currency": "evaluations", "amount": 1e4},
    },
    {"instance": {"name": "random", "cities": 30}, "lanes": ["annealing", "tempering"], "seed": 1},
]
COMMANDS: list[Any] = [
    *({"do": "run", "experiment": one} for one in EXPERIMENTS),
    {"do": "run", "experiment": EXPERIMENTS[0], "then": [{"do": "pause"}]},
    {"do": "attach", "race": "x" * 32},
    {"do": "pause"},
    {"do": "speed", "value": 10},
    {"do": "reheat", "lane": 0, "factor": 2},
    {"do": "turn", "lane": 0, "field": "step_size", "value": 0.5},
    {"do": "weight", "lane": 1, "index": 12, "value": -0.25},
    {"do": "points", "points": "gAAAA" * 5},
    {"do": "plane", "kind": "line"},
    {"do": "follow", "seed": 1},
    {"do": "cities", "move": [[3, 1.5, -2]], "drop": [0, 7], "add": [[1, 2]]},
]
ODD: list[Any] = [
    None, True, False, 0, -1, 1, 2**31, 2**63, -(2**70), 10**400, 0.5, -0.0, 1e308, float("nan"), float("inf"), "", " ", "0", "nan", "1e999", "x" * 5000, "\x00", "\ud800", "é",
    "<script>", "../../etc/passwd", "![](http://h.ex/p.png)", "$x$", "%s%n", "'; drop table", [], {}, [[]], [None] * 100, {"": None}, {"name": None}, {"name": "x" * 100}, [[[[[[[]]]]]]],
]  # fmt: skip


def changed(value: Any, chance: random.Random) -> Any:
    """A value of JSON with something in it that does not belong there."""
    dice = chance.random()
    if dice < 0.15 or not isinstance(value, dict | list):
        return chance.choice(ODD)
    if isinstance(value, dict):
        copy = dict(value)
        if dice < 0.3 and copy:
            del copy[chance.choice(list(copy))]
        elif dice < 0.45:
            copy[chance.choice(["", "seed", "do", "name", "lanes", "x" * 300, "\x00", "lane"])] = (
                chance.choice(ODD)
            )
        elif copy:
            key = chance.choice(list(copy))
            copy[key] = changed(copy[key], chance)
        return copy
    rows = list(value)
    if dice < 0.3 or not rows:
        return rows * chance.choice([2, 5, 50]) + [chance.choice(ODD)]
    place = chance.randrange(len(rows))
    rows[place] = changed(rows[place], chance)
    return rows


def cut_up(data: bytes, chance: random.Random) -> bytes:
    """Bytes of which some are others, missing, doubled or in another place."""
    found = bytearray(data)
    for _ in range(chance.choice([1, 1, 2, 4, 16])):
        if not found:
            break
        a = chance.randrange(len(found))
        b = min(len(found), a + chance.choice([1, 2, 8, 64, 1024]))
        match chance.randrange(5):
            case 0:
                found[a:b] = chance.randbytes(b - a)
            case 1:
                del found[a:b]
            case 2:
                found[a:a] = found[a:b] * chance.choice([1, 3, 20])
            case 3:
                found[a] ^= 1 << chance.randrange(8)
            case 4:
                found[a:b] = chance.choice(
                    [
                        b"\x00" * (b - a),
                        b"\xff" * (b - a),
                        b'"',
                        b"\n\r\n",
                        b";,\t",
                        b"1e999",
                        b"../",
                    ]
                )
    return bytes(found)


@CASES
def test_messages(
    count: int, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(16)
    monkeypatch.setattr(stream, "WATCH", Watch())

    async def walk() -> int:
        pool, refused = FakePool(), 0
        hub, viewer = Hub(pool), Viewer()  # type: ignore[arg-type]
        for _ in range(count):
            value = changed(chance.choice(COMMANDS), chance)
            text = json.dumps(value, ensure_ascii=chance.random() < 0.5)
            if chance.random() < 0.2:
                text = cut_up(text.encode("utf-8", "replace"), chance).decode("utf-8", "replace")
            await stream.obey(hub, viewer, text)
            while viewer._queue or viewer._newest:
                said = decode(await viewer.next())
                if said["type"] == "problem":
                    refused += 1
                    assert "\n" not in said["sentence"]
                    assert said["sentence"] != t("server.failed"), text[:300]
        assert len(pool.jobs) >= count / 50, "some were right"
        hub.close()
        return refused

    refused = asyncio.run(walk())
    assert refused > count / 4
    assert not [line for line in caplog.records if line.levelno >= logging.ERROR]


@CASES
def test_links(count: int) -> None:
    chance = random.Random(17)
    known = [link.write_link(parse_experiment(one)) for one in EXPERIMENTS]
    told = 0
    for _ in range(count):
        query = dict(chance.choice(known))
        for _ in range(chance.choice([1, 1, 3])):
            dice, key = chance.random(), chance.choice([*query, "lanes", "dataset", "seed"])
            if dice < 0.6:
                odd = chance.choice(ODD)
                query[key] = odd if isinstance(odd, str) else str(odd)
            elif dice < 0.75:
                query.pop(key, None)
            elif dice < 0.9:
                text = cut_up(query.get(key, "").encode("utf-8", "replace"), chance)
                query[key] = text.decode("utf-8", "replace")
            else:
                query[f"{key}.{chance.choice(['name', 'x', '', '0', 'size'])}"] = chance.choice(
                    ["", "1", "x" * 200, "nan", "\x00"]
                )
        experiment, sentence = link.read_link(query)[:2]
        assert experiment is not None, query
        link.page_of(query)
        link.view_of(query)
        if sentence is not None:
            told += 1
            assert len(plain(sentence)) < 20_000
    assert told > count / 4


def tables() -> list[bytes]:
    rows = "\n".join(f"{i},{i * 0.37:.2f},{'abc'[i % 3]},{i % 2}" for i in range(40))
    european = "\n".join(f"{i};1.{i:03},{i % 10};€ {i};ja" for i in range(40))
    return [
        f"id,width,kind,right\n{rows}\n".encode(),
        f"Nr;Länge;Preis;gut\r\n{european}\r\n".encode("cp1252"),
        b"\xef\xbb\xbf" + f'"a","b ""c""",d,e\n{rows}'.encode(),
        f"a\tb\tc\td\n{rows}".replace(",", "\t").encode("utf-16"),
    ]


def archives() -> list[bytes]:
    picture = io.BytesIO()
    Image.new("RGB", (9, 7), (200, 10, 30)).save(picture, "PNG")
    photo = io.BytesIO()
    Image.new("L", (16, 16), 77).save(photo, "JPEG")
    files = {
        f"{split}/{kind}/{i}.{end}": data
        for split in ("train", "test")
        for kind in ("a", "b")
        for i in range(12)
        for end, data in (("png", picture.getvalue()), ("jpg", photo.getvalue()))
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in files.items():
            file.writestr(name, data)
    rolled = io.BytesIO()
    with tarfile.open(fileobj=rolled, mode="w") as tar:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return [packed.getvalue(), rolled.getvalue(), gzip.compress(rolled.getvalue())]


def cities() -> list[bytes]:
    tsp = "NAME: x\nTYPE: TSP\nDIMENSION: 8\nEDGE_WEIGHT_TYPE: EUC_2D\nNODE_COORD_SECTION\n"
    rows = [f"{i + 1} {i * 13 % 7} {i * 5 % 11}" for i in range(8)]
    full = "NAME: y\nTYPE: TSP\nDIMENSION: 4\nEDGE_WEIGHT_TYPE: EXPLICIT\n"
    full += "EDGE_WEIGHT_FORMAT: FULL_MATRIX\nEDGE_WEIGHT_SECTION\n"
    full += "0 3 4 5\n3 0 6 7\n4 6 0 8\n5 7 8 0\nEOF\n"
    return [(tsp + "\n".join(rows) + "\nEOF\n").encode(), full.encode()]


@FEW
@pytest.mark.parametrize(
    ("made", "read", "name"),
    [
        (tables, read_data, "table.csv"),
        (archives, read_data, "pictures.zip"),
        (cities, read_cities, "cities.tsp"),
    ],
    ids=["tables", "archives", "cities"],
)
@pytest.mark.filterwarnings("ignore")  # of decoders, on what is broken
def test_files(
    count: int,
    made: Callable[[], list[bytes]],
    read: Callable[..., dict[str, Any]],
    name: str,
    tmp_path: Path,
) -> None:
    chance = random.Random(18)
    right, outcome = made(), {"taken": 0, "refused": 0}
    told: set[tuple[str, bool]] = set()
    file, folder = tmp_path / "file", tmp_path / "out"
    folder.mkdir()
    for data in right:
        file.write_bytes(data)
        read("look", file, name, folder)  # as they are they can be read
    for _ in range(count):
        file.write_bytes(cut_up(chance.choice(right), chance))
        try:
            json.dumps(read("look", file, name, folder))
            outcome["taken"] += 1
        except BadInput as error:
            outcome["refused"] += 1
            told.add((error.field, "\n" in str(error)))
    assert told == {("file", False)}
    assert min(outcome.values()) > 0, outcome
