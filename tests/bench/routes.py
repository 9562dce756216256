"""Methods on combinatorial problems beside known optima and the solvers of others, in one run.

    python -m tests.bench.routes [--json] [--only tours] [--scale 1.0]

All seconds are processor time of one core, with loops compiled; opponents run in the same run. Files
with known optima are read from KELVIN_DATA; a row whose file is missing says so. `--scale 0.2` gives
every method a fifth of its time: for a look, not for the record.
"""

from __future__ import annotations

import argparse
import json
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from engine.system import environment

environment.prepare()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--only", help="cases with this name: tours, vehicles, crews, bits")
    parser.add_argument("--scale", type=float, default=1.0, help="of every budget")
    given = parser.parse_args()
    from tests.bench import machine, route_cases

    names = [one.name for one in iter_modules(route_cases.__path__) if one.name != "common"]
    before = machine.measure()
    found: list[dict[str, Any]] = []
    for name in sorted(names, key=lambda one: one != "tours"):
        if given.only in (None, name):
            found += import_module(f"tests.bench.route_cases.{name}").rows(given.scale)
    if given.json:
        print(json.dumps({"machine": before.to_json(), "rows": found}, ensure_ascii=False))
        return
    print(before)
    wide = max(len(row["row"]) for row in found) + 2
    for row in found:
        met = {True: "met", False: "MISSED", None: ""}[row["met"]]
        value = "–" if row["value"] is None else f"{row['value']:g}"
        print(f"{row['row']:<{wide}}{value:>10}  {row['bar']:<44}{met:<8}{row['detail']}")
    judged = [row["met"] for row in found if row["met"] is not None]
    print(f"{sum(judged)} of {len(judged)} bars met")


if __name__ == "__main__":
    main()
