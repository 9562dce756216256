"""Write the README's section on the evidence from the tables of the studies that ship."""

from __future__ import annotations

from pathlib import Path

from app.evidence import answer, found
from engine.studies.report import available, holm_of_primaries, report

README = Path(__file__).parents[2] / "README.md"
BEGIN, END = "<!-- evidence -->", "<!-- /evidence -->"


def section() -> str:
    """Return the section: the answer, and each study's verdict with its command."""
    shown = found()
    verdicts = [
        f"- **{one.study.title}** ({one.study.id}): {one.report.verdict}" for one in shown.results
    ]
    # Closed at first: the answer is two paragraphs, and who wants to know opens the rest.
    each = (
        f"<details>\n<summary>What each of the {len(verdicts)} studies found</summary>\n\n"
        + "\n".join(verdicts)
        + "\n\n</details>"
    )
    text = "\n\n".join([*answer(shown.results), significance(), each])
    return f"{BEGIN}\n{text}\n{END}"


def significance() -> str:
    """Return how many of the comparisons declared beforehand are significant."""
    adjusted = holm_of_primaries(report(name) for name in available())
    few = sum(p < 0.05 for p in adjusted.values())
    return (
        f"Each study declared one comparison beforehand: {few} of {len(adjusted)} are significant at 5 % by the "
        "paired sign test over seeds after Holm's correction for all of them. The two methods of that comparison have "
        "ten seeds (five in `methods`, too few for that test to tell anything), the others mostly five, so read their "
        "intervals as what they are. Where a method was tuned, the sentences are of its tuned setting, chosen by as "
        "many trials as every other's on seeds of their own."
    )


def filled(text: str) -> str:
    """Return a README with this section in place of the one it has."""
    first, rest = text.split(BEGIN, 1)
    return first + section() + rest.split(END, 1)[1]


def main() -> None:
    """Rewrite the section."""
    README.write_text(filled(README.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
