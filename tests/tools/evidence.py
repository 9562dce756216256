"""Write the README's section on the evidence from the tables of the studies that ship."""

from __future__ import annotations

from pathlib import Path

from app.evidence import answer, found

README = Path(__file__).parents[2] / "README.md"
BEGIN, END = "<!-- evidence -->", "<!-- /evidence -->"


def section() -> str:
    """Return the section: the answer, and each study's verdict with its command."""
    shown = found()
    verdicts = [
        f"- **{one.study.title}** ({one.study.id}): {one.report.verdict}" for one in shown.results
    ]
    text = "\n\n".join([*answer(shown.results), "\n".join(verdicts)])
    return f"{BEGIN}\n{text}\n{END}"


def filled(text: str) -> str:
    """Return a README with this section in place of the one it has."""
    first, rest = text.split(BEGIN, 1)
    return first + section() + rest.split(END, 1)[1]


def main() -> None:
    """Rewrite the section."""
    README.write_text(filled(README.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
