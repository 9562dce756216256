"""Check the rules of a verdict against the plan of a study, before any run is paid for."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, get_type_hints

from ..errors import BadInput
from .formula import check
from .plan import case_name, cases_of, defaults_of, scale_of, search_space
from .study import Size, Study
from .tables import CURRENCIES, SCORES
from .verdict import PLACE, Facts, Figure

SPENT = (*CURRENCIES, "flops", "step")
"""What a cost can be counted in."""
MEASURED = (*SCORES, *CURRENCIES, "step")
"""What can be compared at the end of a run."""
Needed = tuple[str, str, str]
"""A case, a lane and a variant that a rule asks for."""


def check_verdict(study: Study, size: Size) -> None:
    """Check that all cases, lanes, functions, metrics and currencies that the verdict of a study
    names exist at this size, and that functions are called with the arguments they have.

    Raises:
        BadInput: one does not.
    """
    for field, metric in (("metric", study.metric), ("primary.metric", study.primary.metric)):
        _one_of(field, metric, MEASURED)
    for _ in needed(study, size):
        pass


def needed(study: Study, size: Size) -> Iterator[Needed]:
    """Yield which results the verdict of a study asks for, in the order of its rules.

    Raises:
        BadInput: a rule asks for something that the study does not have.
    """
    for number, rule in enumerate(study.verdict):
        texts = [("when", rule.when), *(("say", text) for text in PLACE.findall(rule.say))]
        for part, text in texts:
            asked: list[Needed] = []
            field = f"verdict[{number}].{part}"
            check(text, _StandIns(study, size, field, asked).functions(), field)
            yield from dict.fromkeys(asked)


class _StandIns:
    """The functions of `Facts`, which check what they are called with and know no results.

    Args:
        study, size: whose cases and lanes there are.
        field: the place of the formula, for messages.
        asked: gets what the functions are asked for.
    """

    def __init__(self, study: Study, size: Size, field: str, asked: list[Needed]) -> None:
        self.study, self.field, self.asked = study, field, asked
        self.trials = scale_of(study, size).trials
        self.cases = {case_name(case, varied): case for case, varied in cases_of(study, size)}

    def functions(self) -> dict[str, Callable[..., Any]]:
        """Return a stand-in for each function that rules may use."""
        known = Facts(self.study, []).functions()
        return {name: self._stand_in(name, function) for name, function in known.items()}

    def _stand_in(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        signature = inspect.signature(function)
        gives = get_type_hints(function)["return"]

        def stand_in(*values: Any, **named: Any) -> Any:
            try:
                bound = signature.bind(*values, **named)
            except TypeError as error:
                call = f"{name}({', '.join(signature.parameters)})"
                raise BadInput(self.field, name, f"the arguments of {call} ({error})") from None
            self._check(name, bound.arguments)
            return Figure(1.0, 1.0, 1.0, n=1, reached=1) if gives is Figure else gives(1)

        return stand_in

    def _check(self, function: str, given: Mapping[str, Any]) -> None:
        place = f"{self.field}: {function}"
        cases = [
            name
            for name, case in self.cases.items()
            if given.get("case", name) == name and given.get("family", case.id) == case.id
        ]
        if not cases:
            known = self.cases if "case" in given else {case.id for case in self.cases.values()}
            _one_of(place, given.get("case", given.get("family")), known)
        case = self.cases[cases[0]]
        if function == "name":
            lanes = {lane.id: lane for lane in self.study.lane}
        else:
            lanes = {lane.id: lane for lane in self.study.lanes_of(case)}
        for role in ("lane", "against"):
            if role not in given:
                continue
            lane = lanes.get(given[role])
            if lane is None:
                where = "" if function == "name" else f" on the case {case.id}"
                raise BadInput(place, given[role], f"one of the lanes{where}: {', '.join(lanes)}")
            if function == "rung" and not lane.ladder:
                raise BadInput(place, lane.id, "a lane with a ladder")
            variant = given.get("variant", "best")
            variants = ["best", "default", *(one.name for one in defaults_of(lane))]
            if search_space(case, lane) and self.trials > 1:
                variants += ["tuned", *(f"trial {number}" for number in range(self.trials))]
            _one_of(f"{place}({lane.id}), variant", variant, variants)
            if "case" in given:
                self.asked += [(name, lane.id, variant) for name in cases]
        if "currency" in given:
            _one_of(place, given["currency"], SPENT)
        if given.get("metric"):
            _one_of(place, given["metric"], MEASURED)
        target, count = given.get("target", -1), len(case.targets)
        if count and (not isinstance(target, int) or not -count <= target < count):
            raise BadInput(
                f"{place}, target", target, f"a whole number from {-count} to {count - 1}"
            )


def _one_of(field: str, given: Any, known: Iterable[str]) -> None:
    if given not in (names := list(dict.fromkeys(known))):
        raise BadInput(field, given, f"one of {', '.join(names)}")
