"""Rules of verdicts are checked when a study is planned: names, arguments, metrics."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import BadInput
from engine.studies import study as studies
from engine.studies.study import Study, read
from engine.studies.verdict_check import check_verdict, needed
from tests.engine.studies.conftest import TEXT

RULE = "ratio('bowl/16', 'spsa', 'adam').value > 1"


def with_rule(tmp_path: Path, when: str, say: str = "So it is.") -> Study:
    """The small study with another first rule."""
    path = tmp_path / "other.toml"
    text = TEXT.replace(RULE, when)
    start = text.index("say = ")
    path.write_text(
        text[:start] + f'say = "{say}"' + text[text.index("\n", start) :], encoding="utf-8"
    )
    return read(path)


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ("cost('bowel/4', 'adam').value > 1", "cost: 'bowel/4' "),
        ("cost('bowl', 'adam').value > 1", "one of bowl/4, bowl/16"),
        ("true or cost('bowl/4', 'adamm').value > 1", "cost: 'adamm' "),
        ("false and cost('bowl/4', 'adam').valu > 1", "no .valu"),
        ("2 < 1 < costs('bowl/4', 'adam').value", "no function costs"),
        ("cost('bowl/4').value > 1", "the arguments of cost(case, lane, "),
        ("ratio('bowl/4', 'spsa', 'adam', 'evaluations', 'best', 0, 0.9, 1).value > 1", "too many"),
        ("cost('bowl/4', 'adam', lanes=3).value > 1", "the arguments of cost(case, lane, "),
        ("cost('bowl/4', 'adam') > 1", "a formula that can be computed"),
        ("cost('bowl/4', 'adam', 'euros').value > 1", "cost: 'euros' "),
        ("gain('bowl/4', 'adam', 'spsa', 'beauty').value > 1", "gain: 'beauty' "),
        ("cost('bowl/4', 'adam', 'rounds', 'tunde').value > 1", "variant: 'tunde' "),
        ("cost('bowl/4', 'spsa', 'rounds', 'tuned').value > 1", "variant: 'tuned' "),
        ("cost('bowl/4', 'adam', 'rounds', 'best', 2).value > 1", "from -2 to 1"),
        ("slope('bowl/4', 'adam').low > 1", "slope: 'bowl/4' "),
        ("rung('bowl/4', 'adam') == '× 1'", "a lane with a ladder"),
        ("name('adamm') == 'Adam'", "one of the lanes: adam, spsa, annealing"),
        ("reached('bowl/4', 'adam') > max(1, width)", "no width"),
        ("reached('bowl/4', 'adam'", "a formula such as"),
    ],
)
def test_a_mistake_in_a_rule_is_found_without_results(tmp_path: Path, when: str, said: str) -> None:
    with pytest.raises(BadInput) as error:
        check_verdict(with_rule(tmp_path, when), "small")
    assert str(error.value).startswith("verdict[0].when")
    assert said in str(error.value)
    assert str(error.value).count("is not allowed") == 1
    with pytest.raises(BadInput, match=r"verdict\[0\]\.say"):
        check_verdict(with_rule(tmp_path, "true", f"{{{when}}}"), "small")


@pytest.mark.parametrize(
    "when",
    [
        "true",
        "1 / (cost('bowl/4', 'adam').value - 1) > 1",  # not computable for every result
        "rung('bowl/4', 'annealing') == '× 1'",
        "cost('bowl/4', 'annealing', 'flops', '× 0.5', -2).n > min(3, 4)",
        "score('bowl/4', 'adam', 'loss', 'trial 2').low > 1 and not slope('bowl', 'adam').low > 1",
        "slope('bowl', 'spsa', 'test_loss', target=0).high < 1",
    ],
)
def test_a_rule_that_fits_passes(tmp_path: Path, when: str) -> None:
    check_verdict(with_rule(tmp_path, when, "{name('adam')}"), "small")


def test_the_results_that_rules_ask_for_are_known(study: Study) -> None:
    assert list(needed(study, "small")) == [
        ("bowl/16", "spsa", "best"),
        ("bowl/16", "adam", "best"),
        ("bowl/16", "spsa", "best"),
        ("bowl/16", "adam", "best"),
        ("bowl/4", "adam", "best"),
    ]


@pytest.mark.parametrize("field", ['metric = "loss"', 'against = "adam"'])
def test_metrics_that_nothing_measures_are_refused(tmp_path: Path, field: str) -> None:
    path = tmp_path / "other.toml"
    other = 'metric = "beauty"' if field.startswith("metric") else f'{field}, metric = "beauty"'
    path.write_text(TEXT.replace(field, other, 1), encoding="utf-8")
    with pytest.raises(BadInput, match="metric: 'beauty'"):
        check_verdict(read(path), "small")


@pytest.mark.parametrize("name", studies.names())
def test_the_rules_of_every_study_that_ships_fit(name: str) -> None:
    check_verdict(studies.shipped(name), "small")
