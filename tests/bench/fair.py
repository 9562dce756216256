"""Count the steps of two equal lanes with the same seconds; they should be as many.

    python -m tests.bench.fair [--seconds 2] [METHOD…]

The bar is 10 %, on a machine with nothing else to do, for methods with many steps in that time.
"""

from __future__ import annotations

import argparse

from engine.system import environment

METHODS = ("levenberg-marquardt", "snes", "forward-gradient", "annealing", "adam")
BAR = 0.1


def main() -> None:
    """Race each method against itself and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("methods", nargs="*", default=METHODS)
    parser.add_argument("--seconds", type=float, default=2.0)
    options = parser.parse_args()
    environment.prepare()
    from engine import Experiment, Race

    for method in options.methods:
        value = {
            "dataset": "digits",
            "lanes": [method, method],
            "budget": {"currency": "seconds", "amount": options.seconds},
            "device": "cpu",
        }
        race = Race(Experiment.parse(value), marks=1, pictures=False)
        for _ in race:
            pass
        steps = [lane.step for lane in race.lanes]
        apart = 1 - min(steps) / max(steps)
        print(
            (
                f"{method:<24}{steps[0]:>10,}{steps[1]:>10,} steps, {apart:.1%} apart   "
                f"{'met' if apart <= BAR else 'MISSED'}"
            ),
            flush=True,
        )


if __name__ == "__main__":
    main()
