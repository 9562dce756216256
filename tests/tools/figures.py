"""Write the README's table of how every method does from its defaults and tuned.

    python -m tests.tools.figures

The numbers are those of the study `methods`, which ships with Kelvin; `make figures` runs it again
first.
"""

from __future__ import annotations

import math
from pathlib import Path

from engine.optimizers import OPTIMIZERS
from engine.studies.report import Report, report
from engine.studies.verdict import Facts, Figure

README = Path(__file__).resolve().parents[2] / "README.md"
BEGIN, END = "<!-- figures -->", "<!-- /figures -->"
STUDY, FLOOR = "methods", "random-search"
TENTH = 0
"""The study's first target: a tenth of the first loss."""


def table(found: Report) -> str:
    """Return the table in Markdown. The order is that of the cost on digits; methods that never
    reach the target follow, by their accuracy.
    """
    facts = Facts(found.study, found.runs)

    def rank(lane: str) -> tuple[float, float]:
        cost = facts.cost("digits", lane, variant="default", target=TENTH)
        return cost.value, -facts.score("digits", lane, variant="default").value

    machine = found.machine
    lines = [
        f"From the defaults where nothing else is said, medians over {found.seeds} seeds with the "
        "lowest and the highest in brackets; digits 5 million evaluations, moons and sinc 2 million "
        "each. The cost is the expected number of evaluations until the training loss is a tenth of "
        "the first, with its 90 % interval; the table is in its order from the defaults, and methods "
        "that never got there follow by accuracy. Tuned: the best of "
        f"{found.study.size['small'].trials} settings on a seed that is not among these, the "
        "defaults one of them. † not better than random search on most seeds. "
        "‡ ended by its limit of processor time, 20 seconds (digits) or 10, on most seeds.",
        f"One thread of: {machine['processor']}, {machine['gflops']:.0f} GFLOP/s. "
        "Regenerate with `make figures`; the tables are in `engine/studies/results/methods`.",
        "",
        "| method | family | sees | digits: cost in evaluations | the same, tuned "
        "| digits: right on unseen | the same, tuned | moons: training loss "
        "| sinc: loss on unseen |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for lane in sorted((one.id for one in found.study.lane), key=rank):
        method = OPTIMIZERS.get(lane)
        cells = [
            method.label + _worse(facts, lane) + _cut_short(facts, lane),
            method.family,
            method.sees,
            _cost(facts.cost("digits", lane, variant="default", target=TENTH)),
            _cost(facts.cost("digits", lane, target=TENTH)),
            str(facts.score("digits", lane, variant="default")),
            str(facts.score("digits", lane)),
            str(facts.score("moons", lane, "loss", "default")),
            str(facts.score("sinc", lane, "test_loss", "default")),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _cost(cost: Figure) -> str:
    if not math.isfinite(cost.value):
        return "not reached"
    missed = cost.n - cost.reached
    return f"{cost}{f', missed by {missed} of {cost.n}' if missed else ''}"


def _worse(facts: Facts, lane: str) -> str:
    """Return a mark for a method that random search equals on most seeds of some problem."""
    if lane == FLOOR:
        return ""
    for case in ("digits", "moons", "sinc"):
        pairs = facts.paired(case, lane, FLOOR, "default")
        better = sum((a["loss"] or math.inf) < (b["loss"] or math.inf) for a, b in pairs)
        if 2 * better <= len(pairs):
            return f" † ({case})"
    return ""


def _cut_short(facts: Facts, lane: str) -> str:
    """Return a mark for a method whose limit of processor time ended most runs on some problem."""
    found = []
    for case in ("digits", "moons", "sinc"):
        ends = [row["outcome"] for row, _ in facts.paired(case, lane, lane, "default")]
        if 2 * sum(end == "time" for end in ends) > len(ends):
            found.append(case)
    return f" ‡ ({', '.join(found)})" if found else ""


def filled(text: str) -> str:
    """Return a README with this table in place of the one it has."""
    first, rest = text.split(BEGIN, 1)
    return f"{first}{BEGIN}\n{table(report(STUDY))}\n{END}{rest.split(END, 1)[1]}"


def main() -> None:
    """Rewrite the table."""
    README.write_text(filled(README.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
