"""Make the airports and the coastline that ship.

    npm pack world-atlas@2.0.2 && tar xzf world-atlas-2.0.2.tgz
    python -m tests.tools.make_map package/land-110m.json

The airports are from the package airportsdata (MIT licence, Copyright Mike Borsetti and others),
the coastline is Natural Earth's at 1:110 million (public domain), as packed by world-atlas (ISC
licence, Copyright Michael Bostock). The same files come out every time.
"""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path
from typing import Any

import airportsdata

from engine.combinatorial.instances import AIRPORTS

ROOT = Path(__file__).resolve().parents[2]
COASTLINE = ROOT / "assets" / "coastline.json"
HUNDREDTHS = 100
"""Steps of a degree to which the coastline is rounded: 1.1 km at the equator."""

ROUND = 360 * HUNDREDTHS
Place = tuple[int, int]

BUSIEST = """\
ATL DXB DFW LHR HND DEN IST LAX ORD DEL CDG CAN JFK AMS MAD FRA SIN MCO LAS ICN PVG CLT PEK SZX MIA
BKK BOM SEA SFO BCN CGK EWR PHX MEX KUL IAH DOH MNL TFU YYZ CKG JED SHA KMG XIY GRU HGH SGN LGW BOS
FCO BOG HKG PKX SYD SAW BLR MUC SVO AYT TPE FLL MSP LIS DUB MEL CUN NRT LGA ORY RUH DTW PMI CTU HAN
VIE CJU ZRH ATH PHL MAN STN NKG CSX DMK SLC CPH CAI BWI MXP WUH DCA OSL IAD URC YVR HYD KIX SAN SCL
"""
"""A hundred airports, about in the order of their passengers in 2023."""
CITIES = {
    "BOG": "Bogotá",
    "CJU": "Jeju",
    "CUN": "Cancún",
    "DFW": "Dallas",
    "FRA": "Frankfurt",
    "GRU": "São Paulo",
    "IST": "Istanbul",
    "PMI": "Palma de Mallorca",
    "TFU": "Chengdu",
    "URC": "Ürümqi",
    "XIY": "Xi’an",
    "YVR": "Vancouver",
    "YYZ": "Toronto",
}
"""Cities that people fly to, where the package names the place in which the airport lies."""
MOVED = {"KMG": (25.1019, 102.9292)}
"""Latitude and longitude of airports that the package has in an earlier place."""


def airports() -> str:
    """The airports as CSV: code, city, latitude and longitude."""
    known = airportsdata.load("IATA")
    file = io.StringIO()
    table = csv.writer(file, lineterminator="\n")
    table.writerow(["code", "city", "lat", "lon"])
    for code in BUSIEST.split():
        entry = known[code]
        latitude, longitude = MOVED.get(code, (entry["lat"], entry["lon"]))
        city = CITIES.get(code, entry["city"])
        table.writerow([code, city, f"{latitude:.4f}", f"{longitude:.4f}"])
    return file.getvalue()


def rings(topology: dict[str, Any]) -> list[list[int]]:
    """The rings of all land as x, y, x, y, … in hundredths of a degree, largest first. None crosses
    the meridian at 180 degrees, so that each can be drawn and filled on a flat map as it is.
    """
    (scale_x, scale_y), (left, bottom) = (
        topology["transform"]["scale"],
        topology["transform"]["translate"],
    )
    arcs = []
    for steps in topology["arcs"]:
        x = y = 0
        arc = []
        for dx, dy in steps:
            x, y = x + dx, y + dy
            arc.append(
                (
                    round(HUNDREDTHS * (left + scale_x * x)),
                    round(HUNDREDTHS * (bottom + scale_y * y)),
                )
            )
        arcs.append(arc)
    found = []
    for shape in topology["objects"]["land"]["geometries"]:
        for polygon in shape["arcs"] if shape["type"] == "MultiPolygon" else [shape["arcs"]]:
            for numbers in polygon:
                ring = [
                    place
                    for number in numbers
                    for place in (arcs[number] if number >= 0 else arcs[~number][::-1])
                ]
                found += flat(ring)
    return sorted(found, key=len, reverse=True)


def flat(ring: list[Place]) -> list[list[int]]:
    """A ring on the globe as one or two rings on a flat map."""
    whole = [ring[0]]
    for x, y in ring[1:]:  # on past 180 degrees instead of back to −180
        whole.append((x - ROUND * round((x - whole[-1][0]) / ROUND), y))
    (first, _), (last, _) = whole[0], whole[-1]
    if first != last:  # it goes round the pole
        south = -90 * HUNDREDTHS
        whole += [(last, south), (first, south), whole[0]]
    found = []
    for shift in (-ROUND, 0, ROUND):
        piece = [(x + shift, y) for x, y in whole]
        for side in (-1, 1):
            piece = clipped(piece, side)
        kept = [place for i, place in enumerate(piece) if place != piece[i - 1]]
        if len({x for x, _ in kept}) > 1:
            found.append([number for place in [*kept, kept[0]] for number in place])
    return found


def clipped(ring: list[Place], side: int) -> list[Place]:
    """What of a closed ring lies west of 180 degrees, or with side −1 east of −180 (Sutherland and
    Hodgman, 1974).
    """
    edge = side * ROUND // 2
    kept = []
    for (x, y), (before_x, before_y) in zip(ring, [ring[-1], *ring[:-1]], strict=True):
        within, within_before = side * (edge - x) >= 0, side * (edge - before_x) >= 0
        if within != within_before:
            share = (edge - before_x) / (x - before_x)
            kept.append((edge, round(before_y + share * (y - before_y))))
        if within:
            kept.append((x, y))
    return kept or [(edge, 0)]


def coastline(path: Path) -> str:
    """The coastline as JSON."""
    return (
        json.dumps(
            {
                "source": "Natural Earth 1:110m, public domain",
                "unit": f"1/{HUNDREDTHS} degree",
                "rings": rings(json.loads(path.read_text("utf-8"))),
            },
            separators=(",", ":"),
        )
        + "\n"
    )


def main() -> None:
    for path, text in ((AIRPORTS, airports()), (COASTLINE, coastline(Path(sys.argv[1])))):
        path.write_text(text, "utf-8")
        print(f"{path}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
