"""Compare candidates for the methods' defaults, and write the README's table of them.

    python -m tests.tools.defaults [--keep FOLDER] [GROUP…]

Each candidate trains on every small dataset that ships, from first weights with seeds that are kept
for this: at equal evaluations, which no load on the machine can change, and at equal seconds of the
processor's own time on one thread. About a quarter of an hour of one core in all. With ``--keep``
finished runs are kept, and the same command goes on where it was stopped. With names of groups only
these are compared, and nothing is written but their table on the screen. With ``--kept`` nothing is
run, and the table says what is there.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tqdm import tqdm

import engine.oracle
from engine.experiment.model import Experiment
from engine.optimizers import OPTIMIZERS
from engine.oracle import Currency
from engine.race.race import Race

README = Path(__file__).resolve().parents[2] / "README.md"
START, END = "<!-- defaults -->", "<!-- /defaults -->"
SEEDS = (101, 102, 103)
"""Of these runs alone: figures and claims elsewhere are found with other ones."""
PASSES = 2000
"""Evaluations in a run, as a multiple of the training samples."""
SECONDS = 1.5
"""Of processor time in a run."""
SAMPLES = {"moons": 400, "spirals": 400, "sinc": 100, "iris": 100, "digits": 1437}
"""Dataset → training samples."""
LEARNED = 1e-4
"""Losses below this share of the first one are counted as this share: both candidates have learned
then, and which rounds better says nothing of other problems."""

GROUPS: dict[str, tuple[dict[str, Any], ...]] = {
    "annealing": tuple({"name": "annealing", "population_size": chains} for chains in (16, 4, 2)),
    "parallel-tempering": tuple(
        {"name": "parallel-tempering", "population_size": chains} for chains in (12, 4)
    ),
    "spsa": tuple(
        {"name": "spsa", "directions": 16, "alpha": alpha, "gamma": gamma}
        for alpha, gamma in ((0.602, 0.101), (0.0, 0.0))
    ),
    "random-search": (
        {"name": "random-search", "centre": "start", "population_size": 64},
        {"name": "random-search", "centre": "best", "population_size": 8},
    ),
    "openai-es": tuple(
        {"name": "openai-es", "batch": batch, "pairs": pairs}
        for batch, pairs in ((256, 32), (64, 8))
    ),
    "low-rank-es": tuple(
        {"name": "low-rank-es", "batch": batch, "pairs": pairs}
        for batch, pairs in ((256, 32), (64, 8))
    ),
    "snes": tuple(
        {"name": "snes", "batch": batch, "population_size": population}
        for batch, population in ((256, 32), (64, 16))
    ),
    "sep-cma-es": tuple(
        {"name": "sep-cma-es", "batch": batch, "population_size": population}
        for batch, population in ((256, None), (64, 12))
    ),
    "genetic": tuple(
        {"name": "genetic", "batch": batch, "population_size": individuals, "parents": parents}
        for batch, individuals, parents in ((128, 64, 8), (64, 16, 4))
    ),
}
"""Method → its candidates: lanes that differ in the fields named, everything else being the
default."""

CURRENCIES: tuple[Currency, ...] = ("evaluations", "seconds")
Results = dict[tuple[str, Currency], list[list[float]]]
"""(Group, currency) → for each dataset and seed, the candidates' shares of the first loss that are
left."""


@contextmanager
def processor_time() -> Iterator[None]:
    """Inside, a lane's seconds are those that this process had of a processor."""
    oracle: Any = engine.oracle
    before = oracle.time
    oracle.time = SimpleNamespace(perf_counter=time.process_time)
    try:
        yield
    finally:
        oracle.time = before


def left(value: Mapping[str, Any]) -> float | None:
    """The loss at the end as a share of that of the first weights, on all training samples; None
    where the lane diverged.

    Args:
        value: an experiment with one lane, as JSON values.
    """
    with processor_time():
        race = Race(Experiment.parse(value), marks=1, pictures=False)
        first = race.score(race.lanes[0])[0]
        for _ in race:
            pass
    loss = race.results()[0]["loss"]
    return None if race.lanes[0].trouble is not None or loss is None else loss / first


def measure(groups: tuple[str, ...], keep: Path | None, run: bool = True) -> Results:
    """Run what is not kept yet; or leave it out, and all of its group in that currency."""
    kept: dict[str, float | None] = {}
    if keep and keep.exists():
        text = keep.read_text(encoding="utf-8")
        whole = text[: text.rfind("\n") + 1]
        if whole != text:  # it was stopped while it wrote the last line
            keep.write_text(whole, encoding="utf-8")
        kept = {
            json.dumps(row["experiment"], sort_keys=True): row["left"]
            for row in map(json.loads, whole.splitlines())
        }
    cells = list(product(CURRENCIES, groups, SEEDS, SAMPLES))
    found: Results = {(group, currency): [] for group in groups for currency in CURRENCIES}
    with tqdm(total=sum(len(GROUPS[group]) for _, group, *_ in cells), unit="run") as bar:
        for currency, group, seed, dataset in cells:
            bar.set_description(f"{group}, {currency}")
            amount = SECONDS if currency == "seconds" else PASSES * SAMPLES[dataset]
            ends = []
            for lane in GROUPS[group]:
                asked = {
                    "dataset": dataset,
                    "lanes": [lane],
                    "budget": {"currency": currency, "amount": amount},
                    "seed": seed,
                    "device": "cpu",
                }
                value = Experiment.parse(asked).to_json()
                key = json.dumps(value, sort_keys=True)
                if key not in kept and not run:
                    continue
                if key not in kept:
                    kept[key] = left(value)
                    if keep:
                        with keep.open("a", encoding="utf-8") as file:
                            file.write(
                                json.dumps(
                                    {"experiment": value, "left": kept[key]}, ensure_ascii=False
                                )
                                + "\n"
                            )
                end = kept[key]
                ends.append(math.inf if end is None else end)
                bar.update()
            found[group, currency].append(ends)
    problems = len(SEEDS) * len(SAMPLES)
    return {
        key: rows
        for key, rows in found.items()
        if len(rows) == problems and all(len(row) == len(GROUPS[key[0]]) for row in rows)
    }


def judge(ends: list[list[float]]) -> list[tuple[float, float, float]]:
    """Each candidate's score, the factor of its spread, and its mean rank.

    Args:
        ends: for each dataset and seed, the candidates' shares of the first loss that are left.

    Returns:
        For each candidate: the geometric mean of its share over the smallest one; e to the standard
        deviation of that ratio's logarithm; the mean rank, equal ones sharing theirs. A candidate
        that diverged counts as one that has learned nothing, a share of 1, or no better than the
        worst where that is higher.
    """
    logs: list[list[float]] = []
    ranks: list[list[float]] = []
    for row in ends:
        worst = max([1.0, *(end for end in row if math.isfinite(end))])
        floored = [max(end, LEARNED) if math.isfinite(end) else worst for end in row]
        logs.append([math.log(end / min(floored)) for end in floored])
        ranks.append(
            [
                sum(other < end for other in floored)
                + (1 + sum(other == end for other in floored)) / 2
                for end in floored
            ]
        )
    scores = []
    for mine, places in zip(zip(*logs, strict=True), zip(*ranks, strict=True), strict=True):
        mean = sum(mine) / len(mine)
        deviation = math.sqrt(sum((one - mean) ** 2 for one in mine) / len(mine))
        scores.append((math.exp(mean), math.exp(deviation), sum(places) / len(places)))
    return scores


def table(results: Results) -> str:
    """The scores in Markdown."""
    lines = [
        f"For each method, candidates on {', '.join(SAMPLES)} with seeds "
        f"{', '.join(map(str, SEEDS))}, kept for this: at equal evaluations "
        f"({PASSES:,} × the training samples) and at equal seconds of the processor ({SECONDS:g} "
        f"s, one thread).",
        f"A cell: geometric mean of the training loss over that of the best candidate (losses "
        f"under {LEARNED:g} of the first one count as that), ×÷ its spread "
        "over datasets and seeds; mean rank. ● is the default.",
        "Regenerate with `make defaults`.",
        "",
        "| method | candidate | equal evaluations | equal processor seconds |",
        "|---|---|---|---|",
    ]
    for group in dict.fromkeys(group for group, _ in results):
        columns = [_column(group, results.get((group, currency))) for currency in CURRENCIES]
        for lane, *cells in zip(GROUPS[group], *columns, strict=True):
            usual = " ●" if OPTIMIZERS.build(lane) == OPTIMIZERS.build(group) else ""
            lines.append(
                f"| {OPTIMIZERS.get(group).label} | {_named(lane)}{usual} | {' | '.join(cells)} |"
            )
    return "\n".join(lines)


def _column(group: str, ends: list[list[float]] | None) -> list[str]:
    if ends is None:
        return ["not run"] * len(GROUPS[group])
    return [f"{mean:.2f} ×÷ {spread:.1f}; {rank:.1f}" for mean, spread, rank in judge(ends)]


def _named(lane: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{field} {'auto' if value is None else value}"
        for field, value in lane.items()
        if field != "name"
    )


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--keep", type=Path, help="folder for finished runs")
    parser.add_argument(
        "--kept", action="store_true", help="run nothing, and leave out what is not kept"
    )
    parser.add_argument(
        "groups", nargs="*", metavar="GROUP", help=f"methods; left out, all: {', '.join(GROUPS)}"
    )
    options = parser.parse_args()
    if unknown := [group for group in options.groups if group not in GROUPS]:
        parser.error(f"{unknown[0]} is none of {', '.join(GROUPS)}")
    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
    found = table(
        measure(
            tuple(options.groups) or tuple(GROUPS),
            options.keep / "defaults.jsonl" if options.keep else None,
            not options.kept,
        )
    )
    if options.groups:
        print(found)
        return
    before, _, rest = README.read_text(encoding="utf-8").partition(START)
    _, _, after = rest.partition(END)
    README.write_text(f"{before}{START}\n{found}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
