"""How a cost grows with size."""

import math
import statistics


def exponent(sizes: list[float], costs: list[float]) -> float:
    """cost ∝ size ** exponent, by least squares on logarithms."""
    logs = [math.log(size) for size in sizes], [math.log(cost) for cost in costs]
    return statistics.linear_regression(*logs).slope
