"""HiGHS (Huangfu and Hall 2018, https://doi.org/10.1007/s12532-017-0130-5, MIT): branch and bound
on linear programs, for set partitioning.

    min Σ_c cost_c x_c   so that   Σ_{c covers r} x_c = 1 for every row r,   x_c ∈ {0, 1}
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..pairing_instance import PairingInstance
from .process import News

SURE = 1e-6
"""Part of a price by which a bound may be off: floating-point numbers prove it."""


def prepare(instance: PairingInstance) -> None:
    """Load the library."""
    import highspy  # noqa: F401


def solve(instance: PairingInstance, seconds: float, found: News, left: Callable[[], float]) -> str:
    """Search until the optimum is proved or the time is spent; report covers as they become
    cheaper, and what was proved.

    Args:
        instance: what is covered.
        seconds: processor time.
        found: called with each cover, and with the bound as it rises.
        left: processor time that is left.

    Returns:
        Nothing to remark.
    """
    import highspy

    highs = highspy.Highs()
    for option, value in (("output_flag", False), ("threads", 1), ("mip_rel_gap", 0.0)):
        highs.setOptionValue(option, value)
    highs.passModel(model(instance))
    best, proved = [math.inf], [-math.inf]

    def improved(event: Any) -> None:
        cost = event.data_out.objective_function_value
        if cost < best[0]:
            best[0] = cost
            found(np.flatnonzero(np.asarray(event.data_out.mip_solution) > 0.5))

    def tell(bound: float) -> None:
        if not math.isfinite(bound):
            return
        # costs are whole numbers, so any price is at least the next one above the bound
        price = math.ceil(bound - SURE * max(1.0, abs(bound)))
        if price > proved[0]:
            proved[0] = price
            found.bound(price)

    def spent(event: Any) -> None:
        if left() <= 0:
            event.data_in.user_interrupt = 1

    def risen(event: Any) -> None:
        tell(event.data_out.mip_dual_bound)
        spent(event)

    highs.cbMipImprovingSolution += improved
    highs.cbMipInterrupt += risen
    highs.cbSimplexInterrupt += spent
    highs.run()
    status, info = highs.getModelStatus(), highs.getInfo()
    if status == highspy.HighsModelStatus.kInfeasible:
        found.infeasible()
        return ""
    solution = np.flatnonzero(np.asarray(highs.getSolution().col_value) > 0.5)
    if info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible:
        found(solution)
    bound = info.mip_dual_bound
    if status == highspy.HighsModelStatus.kOptimal and math.isinf(bound):
        bound = info.objective_function_value
    tell(bound)
    return ""


def model(instance: PairingInstance) -> Any:
    """Return the integer program, as HiGHS takes it."""
    import highspy

    program = highspy.HighsLp()
    program.num_col_, program.num_row_ = instance.columns, instance.rows
    program.col_cost_ = instance.costs.astype(np.float64)
    program.col_lower_, program.col_upper_ = (
        np.zeros(instance.columns),
        np.ones(instance.columns),
    )
    program.row_lower_ = program.row_upper_ = np.ones(instance.rows)
    program.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    program.a_matrix_.start_ = instance.starts
    program.a_matrix_.index_ = instance.entries
    program.a_matrix_.value_ = np.ones(len(instance.entries))
    program.integrality_ = [highspy.HighsVarType.kInteger] * instance.columns
    return program
