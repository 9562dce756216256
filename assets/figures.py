"""Write the README's table of how every method does from its defaults.

    python -m assets.figures [--keep FOLDER]

Runs `engine compare` on digits, moons and sinc, 30 seconds a method: about three quarters of an hour. With ``--keep`` finished rows are kept, and the same command goes on where
it was stopped.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from engine.compare import ranked, rows
from engine.experiment import Experiment
from engine.optimizers import OPTIMIZERS

README = Path(__file__).resolve().parent.parent / "README.md"
START, END = "<!-- figures -->", "<!-- /figures -->"
SECONDS = 30
DATASETS = {"digits": "test_accuracy", "moons": "test_accuracy", "sinc": "test_loss"}
"""Dataset → what is shown of it beside the training loss."""


def measure(keep: Path | None) -> dict[str, list[dict[str, Any]]]:
    """Dataset → ranked rows of all methods, on one thread."""
    torch.set_num_threads(1)
    tables = {}
    for dataset in DATASETS:
        experiment = Experiment.parse({"dataset": dataset, "lanes": ["random-search"], "budget": {"currency": "seconds", "amount": SECONDS}})
        found = rows(experiment, OPTIMIZERS.names(), keep / f"{dataset}.jsonl" if keep else None)
        tables[dataset] = ranked(list(tqdm(found, total=len(OPTIMIZERS.names()), desc=dataset, unit="method")))
    return tables


def table(tables: dict[str, list[dict[str, Any]]]) -> str:
    """The tables side by side, in Markdown; the order is that of digits."""
    by_name = {dataset: {row["optimizer"]: row for row in found} for dataset, found in tables.items()}
    lines = [
        f"Training loss and, on unseen samples, accuracy (sinc: loss) after {SECONDS} s on one thread, seed 0, defaults everywhere; † not better than random search.",
        "Regenerate with `make figures`.",
        "",
        "| method | family | sees | digits, 2,410 weights | moons, 354 weights | sinc, 61 weights |",
        "|---|---|---|---|---|---|",
    ]
    for row in tables["digits"]:
        cells = [_cell(by_name[dataset][row["optimizer"]], shown) for dataset, shown in DATASETS.items()]
        lines.append(f"| {OPTIMIZERS.get(row['optimizer']).label} | {row['family']} | {row['sees']} | {' | '.join(cells)} |")
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
