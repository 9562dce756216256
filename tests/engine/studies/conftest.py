"""A small study, and its results."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.studies.study import Study, read

TEXT = """
id = "tiny"
title = "A tiny study"
question = "Who is cheaper?"
claim = "Nobody knows."
source = { text = "None", url = "https://example.org" }
primary = { case = "bowl", lane = "spsa", against = "adam" }
metric = "loss"
overturn = "Another result."
[size.small]
seeds = 3
trials = 3
[[case]]
id = "bowl"
title = "Bowl"
situation = "few weights"
experiment = { dataset = { name = "bowl" }, start = { law = "zeros" } }
vary = { "dataset.weights" = { small = [4, 16] } }
targets = [{ on = "loss", share_of_first = 0.5 }, { on = "loss", share_of_first = 0.1 }]
evaluations = "60 * D * N + 300 * N"
queries = true
[[lane]]
id = "adam"
title = "Adam"
sees = "gradient"
setting = { name = "adam", batch = 0, learning_rate = 0.1 }
tune = { learning_rate = { log = [0.01, 1.0] } }
[[lane]]
id = "spsa"
title = "SPSA"
sees = "two losses"
setting = { name = "spsa", batch = 0, directions = "= max(1, D // 4)", learning_rate = "= D / (D + directions)" }
[[lane]]
id = "annealing"
title = "Annealing"
sees = "one loss"
setting = { name = "annealing", population_size = 4 }
ladder = [0.5, 1.0]
[[verdict]]
when = "ratio('bowl/16', 'spsa', 'adam').value > 1"
say = "Adam is cheaper: {ratio('bowl/16', 'spsa', 'adam')}; {cost('bowl/4', 'adam')}."
[[verdict]]
when = "true"
say = "SPSA is cheaper."
"""


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """A study that runs in seconds."""
    path = tmp_path / "tiny.toml"
    path.write_text(TEXT, encoding="utf-8")
    return read(path)
