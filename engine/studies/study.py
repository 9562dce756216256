"""A study file: a published claim, the problems and lanes that test it, and the rules of its
verdict.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, TypeAdapter, ValidationError, field_validator

from ..errors import BadInput, explain
from ..race.trajectory import Target
from ..registry import Fields

FOLDER = Path(__file__).parent / "files"
SEARCH_SPACES = Path(__file__).parent / "search_spaces.toml"
"""What tuning may change of each method."""
SHIPPED = Path(__file__).parent / "results"
"""The tables that ship with Kelvin, a folder for each study."""
Size = Literal["small", "full"]
Seen = Literal[
    "one loss",
    "population",
    "two losses",
    "outputs",
    "gradient",
    "prices",
    "moves",
    "distances",
    "relaxation",
    "model",
    "none",
]
"""What a lane sees of the problem; the columns of the maps. From "prices" on: of a combinatorial
problem."""


class Source(Fields):
    """Where a claim was published."""

    text: str
    url: str


class Published(Fields):
    """A published figure, as it stands in the source."""

    what: str
    value: str
    setting: str = ""


class Scale(Fields):
    """How large the study is made."""

    seeds: int = Field(5, ge=1, le=100)
    primary_seeds: int = Field(
        1,
        ge=1,
        le=100,
        description="Seeds of the two lanes of the primary comparison, if more than of the others.",
    )
    trials: int = Field(4, ge=1, le=100, description="Settings tried per lane; 1 tunes nothing.")
    tuning_seeds: int = Field(1, ge=1, le=10)
    budget: float = Field(1.0, gt=0, description="Factor of all budgets.")
    device: str = "cpu"


class Tune(Fields):
    """The range of one hyperparameter, or the values to choose from."""

    log: tuple[float, float] | None = None
    linear: tuple[float, float] | None = None
    integer: tuple[int, int] | None = None
    values: tuple[Any, ...] | None = None
    times: str = Field("1", description="A formula of D, N and K that the number is multiplied by.")

    def at(self, share: float) -> Any:
        """Return the value at a share of the range, in [0, 1)."""
        if self.values is not None:
            return self.values[min(int(share * len(self.values)), len(self.values) - 1)]
        if self.log is not None:
            low, high = self.log
            return float(f"{low * (high / low) ** share:.4g}")
        if self.integer is not None:
            low, high = self.integer
            return (
                min(int(low * ((high + 1) / low) ** share), high)
                if low > 0
                else round(low + share * (high - low))
            )
        low, high = self.linear or (0.0, 1.0)
        return float(f"{low + share * (high - low):.4g}")


class Lane(Fields):
    """A method with its setting, on the cases that it is tried on."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    title: str
    sees: Seen = "none"
    control: bool = Field(False, description="Whether it is there to test the claim's explanation.")
    setting: dict[str, Any] = Field(default_factory=dict, description="The method, with fields.")
    probe: str | None = Field(None, description="Instead of a race: the name of a measurement.")
    options: dict[str, Any] = Field(default_factory=dict, description="Of the measurement.")
    experiment: dict[str, Any] = Field(
        default_factory=dict, description="What differs from the case."
    )
    cases: tuple[str, ...] = ()
    tune: dict[str, Tune] | None = Field(
        None, description="What tuning may change, instead of the method's space; {} for nothing."
    )
    evaluations: str | None = Field(None, description="A formula for the budget of this lane.")
    ladder: tuple[float, ...] = Field((), description="Factors of the budget, each tried.")
    average: float = Field(0.0, ge=0, lt=1, description="Decay of averaged weights.")
    start_from: str | None = Field(None, description="Case/lane whose final weights are the start.")

    @field_validator("setting")
    @classmethod
    def _named(cls, value: dict[str, Any]) -> dict[str, Any]:
        if value and "name" not in value:
            raise BadInput("setting", value, "a setting with the name of its method")
        return value

    def search_space(self) -> dict[str, Tune]:
        """Return what tuning may change: the lane's own ranges, else those of its method without
        the hyperparameters that the lane sets.
        """
        if self.tune is not None:
            return self.tune
        if self.probe is not None or self.ladder:
            return {}
        ranges = _search_spaces().get(self.setting.get("name", ""), {})
        return {name: tune for name, tune in ranges.items() if name not in self.setting}


class Case(Fields):
    """A problem. With ``vary`` it is a family of problems, one for each value."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    title: str
    experiment: dict[str, Any] = Field(default_factory=dict)
    vary: dict[str, dict[Size, tuple[Any, ...]]] = Field(default_factory=dict)
    along: str = Field("D", description="What the cost is shown over: D, N, or a varied setting.")
    targets: tuple[Target, ...] = ()
    stop: bool = Field(True, description="Whether a run ends once all targets are reached.")
    evaluations: str = Field("1e6", description="A formula of D, N, K for the budget of a run.")
    core_seconds: float = Field(20.0, gt=0, description="Processor time that ends a run.")
    best_known: int | None = Field(
        None, description="Price that gaps are measured from, where the instance knows none."
    )
    other: dict[str, Any] = Field(
        default_factory=dict, description="An experiment whose samples are scored besides."
    )
    queries: bool = Field(
        False, description="Whether costs are counted in looks at all samples, not in samples."
    )
    situation: str | None = Field(None, description="The row of the map that this case fills.")
    tuned: bool = Field(True, description="Whether lanes are tuned on it.")


class Primary(Fields):
    """The one comparison declared before the study was run."""

    case: str
    lane: str
    against: str
    metric: str = Field("evaluations", description="A currency, a score such as test_accuracy.")


class Verdict(Fields):
    """A rule and its sentence. The first rule that holds gives the verdict."""

    when: str
    say: str


def _one_size() -> dict[Size, Scale]:
    return {"small": Scale()}


class Study(Fields):
    """A study file."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    title: str
    question: str
    claim: str
    source: Source
    published: tuple[Published, ...] = ()
    size: dict[Size, Scale] = Field(default_factory=_one_size)
    case: tuple[Case, ...]
    lane: tuple[Lane, ...]
    primary: Primary
    verdict: tuple[Verdict, ...] = Field(min_length=1)
    overturn: str = Field(description="What result would overturn the verdict.")
    notes: tuple[str, ...] = Field(
        (), description="What is not as published, and what is left out."
    )
    metric: str = Field("test_accuracy", description="The score shown where there is no target.")
    tune_by: Literal["cost", "score"] = Field(
        "cost",
        description="What tuning compares: the cost of the targets, or the score at the end.",
    )
    live: dict[str, Any] = Field(default_factory=dict, description="A race to open in the page.")

    def check(self) -> None:
        """Check that cases and lanes that are named exist.

        Raises:
            BadInput: one of them does not.
        """
        cases, lanes = [one.id for one in self.case], [one.id for one in self.lane]
        for names, what in ((cases, "case"), (lanes, "lane")):
            if len(set(names)) != len(names):
                raise BadInput(what, ", ".join(names), "names that are all different")
        for lane in self.lane:
            unknown = sorted(set(lane.cases) - set(cases))
            if unknown:
                raise BadInput(f"lane {lane.id}: cases", unknown[0], f"one of {', '.join(cases)}")
        for name, known in (
            (self.primary.case, cases),
            (self.primary.lane, lanes),
            (self.primary.against, lanes),
        ):
            if name not in known:
                raise BadInput("primary", name, f"one of {', '.join(known)}")

    def lanes_of(self, case: Case) -> Iterator[Lane]:
        """Yield the lanes that run on a case."""
        return (lane for lane in self.lane if not lane.cases or case.id in lane.cases)


@cache
def _search_spaces() -> dict[str, dict[str, Tune]]:
    value = tomllib.loads(SEARCH_SPACES.read_text(encoding="utf-8"))
    return TypeAdapter(dict[str, dict[str, Tune]]).validate_python(value)


def read(path: Path) -> Study:
    """Read a study file.

    Raises:
        BadInput: it does not exist, is not TOML, or something in it does not fit.
    """
    try:
        value = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadInput("study", str(path), f"a readable TOML file ({error})") from None
    try:
        study = Study.model_validate(value)
    except ValidationError as error:
        told = explain(error)
        raise BadInput(f"{path.name}: {told.field}", told.value, told.allowed) from None
    study.check()
    return study


def names() -> list[str]:
    """Return the names of the studies that ship with Kelvin."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def shipped(name: str) -> Study:
    """Return one of the studies that ship with Kelvin.

    Raises:
        BadInput: there is no such study.
    """
    if name not in names():
        raise BadInput("study", name, f"one of {', '.join(names())}")
    return read(FOLDER / f"{name}.toml")
