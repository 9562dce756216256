"""Write results as text: tables for people."""

from __future__ import annotations

from typing import Any

CLOSE_ENOUGH = 0.01
"""A lane may miss its budget by this share without a warning."""


def _names(result: dict[str, Any]) -> list[str]:
    """Return the names of table rows: "sgd learning_rate=0.7" if several rows are of one method, as
    written in ``--set``; "sgd 2" if they do not differ.
    """
    from ..experiment.lane_names import told_apart

    lanes = result.get("experiment", {}).get("lanes") or [{} for _ in result["lanes"]]
    settings = [
        {field: value for field, value in lane.items() if field != "name"} for lane in lanes
    ]
    return told_apart(
        [row["optimizer"] for row in result["lanes"]],
        settings,
        lambda _, field, value: f" {field}={'none' if value is None else value}",
    )


def results_text(result: dict[str, Any]) -> str:
    """Return the results of a run as text: a table, or with several seeds their summary and one
    table for each.
    """
    if "seeds" not in result:
        return _table(result)
    parts = [_summary(result)]
    for one in result["seeds"]:
        about: dict[str, Any] = {
            name: result[name] for name in ("experiment", "stopped") if name in result
        }
        parts.append(f"seed {one['seed']}\n{_table({**about, 'lanes': one['lanes']})}")
    parts += [f"{what}: {result[what]}" for what in ("recording", "weights") if what in result]
    return "\n\n".join(parts)


def _summary(result: dict[str, Any]) -> str:
    """Return the medians over the seeds as a table, with quartiles in brackets."""
    count = len(result["seeds"])
    names = _names({**result, "lanes": result["summary"]})
    wide = max([20, *(len(name) + 2 for name in names)])
    head = f"{'median of ' + str(count) + ' seeds':<{wide}}"
    for title in ("loss", "accuracy", "test loss", "test acc."):
        head += f"{title + ' [quartiles]':>30}"
    lines = [f"{head}{'wins':>10}"]

    def number(value: float | None, form: str) -> str:
        return "—" if value is None else format(value, form)

    for name, row in zip(names, result["summary"], strict=True):
        line = f"{name:<{wide}}"
        for key, form in (
            ("loss", ".4g"),
            ("accuracy", ".1%"),
            ("test_loss", ".4g"),
            ("test_accuracy", ".1%"),
        ):
            told = row[key]
            text = "—"
            if told is not None:
                low, high = (number(value, form) for value in told["quartiles"])
                text = f"{number(told['median'], form)} [{low}, {high}]"
            line += f"{text:>30}"
        won = f"{row['wins']} of {count}"
        lines.append(f"{line}{won:>10}")
        if row["failed"]:
            lines.append(f"  ended early in {row['failed']} of {count} seeds")
    lines.append("wins: seeds in which the lane has the lowest training loss; ties count for none")
    return "\n".join(lines)


def _table(result: dict[str, Any]) -> str:
    names = _names(result)
    wide = max([20, *(len(name) + 2 for name in names)])
    lines = [
        f"{'optimizer':<{wide}}{'loss':>10}{'accuracy':>10}{'test loss':>11}{'test acc.':>11}"
        f"{'evaluations':>14}{'FLOPs':>11}{'seconds':>9}{'steps':>10}"
    ]
    for name, row in zip(names, result["lanes"], strict=True):
        loss, test_loss = (
            f"{row[key]:.4g}" if row[key] is not None else "—" for key in ("loss", "test_loss")
        )
        accuracy, test_accuracy = (
            f"{row[key]:.1%}" if row[key] is not None else "—"
            for key in ("accuracy", "test_accuracy")
        )
        lines.append(
            f"{name:<{wide}}{loss:>10}{accuracy:>10}{test_loss:>11}{test_accuracy:>11}"
            f"{row['evaluations']:>14,}{row['flops']:>11.3g}{row['seconds']:>9.1f}{row['steps']:>10,}"
        )
        budget = result.get("experiment", {}).get("budget")
        if (
            budget
            and abs(row.get("spent", 1.0) - 1) > CLOSE_ENOUGH
            and not (row.get("trouble") or row.get("stopped") or result.get("stopped"))
        ):
            lines.append(
                f"  spent {row['spent'] * budget['amount']:.3g} of {budget['amount']:.3g} "
                f"{budget['currency']}, as near as its steps allow"
            )
        lines += [f"  {row[why]}" for why in ("trouble", "stopped", "note") if row.get(why)]
    lines += [f"{what}: {result[what]}" for what in ("recording", "weights") if what in result]
    return "\n".join(lines)


def comparison_table(table: list[dict[str, Any]]) -> str:
    """Return the table of a comparison as text."""
    ran = [row for row in table if "refused" not in row]
    below = [
        f"{row['optimizer']} is not better than random search: {row['sentence']}"
        for row in ran
        if row["beats_random_search"] is False
    ]
    refused = [
        f"{row['optimizer']} cannot run this: it takes {row['refused']}"
        for row in table
        if "refused" in row
    ]
    return "\n".join([_table({"lanes": ran}), *below, *refused])
