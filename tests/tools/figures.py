"""Write the README's table of how every method does from its defaults.

    python -m tests.tools.figures [--keep FOLDER]

Runs every method on digits for 30 seconds, on moons and on sinc for 10: about half an hour in all.
With ``--keep`` finished rows are kept, and the same command goes on where it was stopped.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from engine.experiment.model import Experiment
from engine.optimizers import OPTIMIZERS
from engine.race.comparison import ranked, rows

README = Path(__file__).resolve().parents[2] / "README.md"
START, END = "<!-- figures -->", "<!-- /figures -->"
DATASETS = {
    "digits": (30, "test_accuracy"),
    "moons": (10, "test_accuracy"),
    "sinc": (10, "test_loss"),
}
"""Dataset → seconds for each method, and what is shown beside the training loss."""


def measure(keep: Path | None) -> dict[str, list[dict[str, Any]]]:
    """Dataset → ranked rows of all methods, on one thread."""
    torch.set_num_threads(1)
    tables = {}
    for dataset, (seconds, _) in DATASETS.items():
        experiment = Experiment.parse(
            {
                "dataset": dataset,
                "lanes": ["random-search"],
                "budget": {"currency": "seconds", "amount": seconds},
            }
        )
        found = rows(experiment, OPTIMIZERS.names(), keep / f"{dataset}.jsonl" if keep else None)
        tables[dataset] = ranked(
            list(tqdm(found, total=len(OPTIMIZERS.names()), desc=dataset, unit="method"))
        )
    return tables


def table(tables: dict[str, list[dict[str, Any]]]) -> str:
    """The tables side by side, in Markdown; the order is that of digits."""
    by_name = {
        dataset: {row["optimizer"]: row for row in found} for dataset, found in tables.items()
    }
    lines = [
        (
            "Training loss · accuracy on unseen samples (sinc: loss on them), from the defaults, "
            "seed 0, one thread, no GPU; † not better than random search."
        ),
        "Regenerate with `make figures`.",
        "",
        (
            "| method | family | sees | "
            + " | ".join(f"{dataset}, {seconds} s" for dataset, (seconds, _) in DATASETS.items())
            + " |"
        ),
        "|---|---|---|---|---|---|",
    ]
    for row in tables["digits"]:
        cells = [
            _cell(by_name[dataset][row["optimizer"]], shown)
            for dataset, (_, shown) in DATASETS.items()
        ]
        lines.append(
            f"| {OPTIMIZERS.get(row['optimizer']).label} | {row['family']} | {row['sees']} | "
            f"{' | '.join(cells)} |"
        )
    return "\n".join(lines)


def _cell(row: dict[str, Any], shown: str) -> str:
    if "refused" in row:
        return "cannot run it"
    if row["loss"] is None:
        return "diverged"
    value = row[shown]
    text = f"{value:.1%}" if shown == "test_accuracy" else f"{value:.2g}"
    return f"{row['loss']:.2g} · {text}{'' if row['beats_random_search'] else ' †'}"


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--keep", type=Path, help="folder for finished rows")
    keep = parser.parse_args().keep
    if keep:
        keep.mkdir(parents=True, exist_ok=True)
    before, _, rest = README.read_text(encoding="utf-8").partition(START)
    _, _, after = rest.partition(END)
    README.write_text(f"{before}{START}\n{table(measure(keep))}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
