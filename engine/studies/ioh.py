"""Export results in the format of IOHprofiler, which IOHanalyzer and iohinspector read.

One folder for each lane, with a description for each case and the improvements of each run: lines
``evaluations raw_y``, the last one at the end of the run. See https://iohprofiler.github.io.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any


def export(results: Iterable[Mapping[str, Any]], folder: Path, metric: str = "loss") -> list[Path]:
    """Write the runs of a study that are races, trials left out; return the descriptions' files.

    Args:
        results: of runs, with their rows.
        folder: where to write.
        metric: the value that is minimised.
    """
    groups: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
    cases: dict[str, int] = {}
    for value in results:
        if value["probe"] or value["variant"].startswith("trial") or not value["rows"]:
            continue
        cases.setdefault(value["case"], len(cases) + 1)
        groups.setdefault((value["lane"], value["variant"], value["case"]), []).append(value)
    written = []
    for (lane, variant, case), runs in groups.items():
        number, dimension = cases[case], int(runs[0]["dimension"])
        name = f"{lane} ({variant})"
        stem = f"f{number}_{_plain(case)}"
        place = folder / _plain(f"{lane}-{variant}")
        # iohinspector knows a run by the relative path of its file, so that names the lane too
        part = f"{stem}_{_plain(f'{lane}-{variant}')}"
        data = place / f"data_{part}" / f"IOHprofiler_{part}_DIM{dimension}.dat"
        data.parent.mkdir(parents=True, exist_ok=True)
        lines, listed = [], []
        for run in runs:
            lines.append("evaluations raw_y")
            best, last = None, None
            for row in run["rows"]:
                height = row.get(metric)
                if height is None:
                    continue
                # A run begins where evaluations are 1: that line has the first weights.
                last = (max(2, int(row["evaluations"])) if best else 1, float(height))
                if best is None or last[1] < best[1]:
                    best = last
                    lines.append(f"{last[0]} {last[1]:.10g}")
            if best is None or last is None:
                lines.pop()
                continue
            if last[0] != best[0]:
                lines.append(f"{last[0]} {best[1]:.10g}")
            listed.append(
                {
                    "instance": int(run["seed"]) + 1,
                    "evals": last[0],
                    "best": {"evals": best[0], "y": best[1], "x": []},  # weights are not kept
                }
            )
        data.write_text("\n".join(lines) + "\n", encoding="utf-8")
        about = {
            "version": "0.3.5",
            "suite": f"kelvin-{runs[0]['study']}",
            "function_id": number,
            "function_name": case,
            "maximization": False,
            "algorithm": {"name": name, "info": json.dumps(runs[0]["experiment"]["lanes"][0])},
            "attributes": ["evaluations", "raw_y"],
            "scenarios": [
                {
                    "dimension": dimension,
                    "path": str(data.relative_to(place).as_posix()),
                    "runs": listed,
                }
            ],
        }
        path = place / f"IOHprofiler_{stem}.json"
        path.write_text(json.dumps(about, indent=1), encoding="utf-8")
        written.append(path)
    return written


def _plain(text: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-._" else "-" for letter in text)
