"""Rows of numbers, one for each system, and their ratios to native."""
import math
import statistics

from .systems import COMPARED, NATIVE


class Row:
    """One line of the table. better: "more" or "less"."""

    def __init__(self, name, unit, better):
        self.name, self.unit, self.better = name, unit, better
        self.samples = {}

    def add(self, system, value):
        self.samples.setdefault(system, []).append(value)

    def value(self, system):
        return statistics.median(self.samples[system]) if self.samples.get(system) else None

    def ratio(self, system):
        """Against native; None where either is missing."""
        ours, native = self.value(system), self.value(NATIVE)
        return ours / native if ours is not None and native else None


class Geometric(Row):
    """The geometric mean of other rows, of those systems that have a value in each."""

    def __init__(self, name, rows):
        super().__init__(name, rows[0].unit, rows[0].better)
        self._rows = rows

    def value(self, system):
        values = [row.value(system) for row in self._rows]
        return math.exp(statistics.fmean(map(math.log, values))) if all(values) else None


def number(value):
    if value is None:
        return "-"
    if value >= 1e6:
        return f"{value / 1e6:.2f} M"
    return f"{value:.0f}" if value >= 100 else f"{value:.2f}"


def print_table(facts, rows, failures):
    print(", ".join(f"{key}: {value}" for key, value in facts.items()))
    print()
    width = max(len(row.name) for row in rows)
    compared = [system for system in COMPARED if any(row.value(system) is not None for row in rows)]
    print(f"{'':{width}}  {'':4} {NATIVE:>10}" + "".join(f" {system:>14} {'ratio':>6}" for system in compared))
    for row in rows:
        cells = [
            f" {number(row.value(system)):>14} {'-' if row.ratio(system) is None else format(row.ratio(system), '.2f'):>6}"
            for system in compared
        ]
        print(f"{row.name:{width}}  {row.unit:4} {number(row.value(NATIVE)):>10}" + "".join(cells))
    print("\nRatios are against native: of rates more is better, of times less.")
    for (system, workload), reason in failures.items():
        print(f"{system} does not run {workload}: {reason}.")
