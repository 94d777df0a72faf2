"""Where the steps of a diagram stand: layer under layer, at the width of a phone.

A layer holds three steps at most. An arrow that passes a layer has a place in it like a step.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

AT_MOST = 3
GAP = 8
LANE = 14
"""Width of an arrow that passes."""
SWEEPS = 8
SETTLING = 40
"""Times that each layer finds its places; then none moves any more that could be seen."""


@dataclass
class Place:
    """A step in a layer, or an arrow that passes it."""

    width: float
    step: int | None
    above: list["Place"]
    below: list["Place"]
    x: float = 0.0


@dataclass(frozen=True)
class Layout:
    layers: list[list[Place]]
    steps: dict[int, Place]
    ways: dict[tuple[int, int], list[Place]]
    """For each arrow, by its two ends: the places it passes, the ends included."""
    width: float


def lay_out(of: Sequence[Sequence[int]], widths: Sequence[float], least: float) -> Layout:
    """`of` names for each step those before it that it takes; `least` is the width to keep to."""
    ranks = rank(of)
    layers: list[list[Place]] = [[] for _ in range(max(ranks) + 1)]
    steps = {n: Place(width, n, [], []) for n, width in enumerate(widths)}
    for n, place in steps.items():
        layers[ranks[n]].append(place)
    ways = {}
    for n, sources in enumerate(of):
        for source in dict.fromkeys(sources):
            passed = [Place(LANE, None, [], []) for _ in range(ranks[source] + 1, ranks[n])]
            for layer, place in enumerate(passed, ranks[source] + 1):
                layers[layer].append(place)
            way = ways[source, n] = [steps[source], *passed, steps[n]]
            for upper, lower in zip(way, way[1:], strict=False):
                upper.below.append(lower)
                lower.above.append(upper)
    width = max(least, *(sum(each.width + GAP for each in layer) - GAP for layer in layers))
    order(layers)
    for number in range(SWEEPS):
        down = number % 2 == 0
        for layer in layers if down else layers[::-1]:
            settle(layer, width, lambda place: place.above if down else place.below)
    for _ in range(SETTLING):
        for layer in layers:
            settle(layer, width, beside)
    centre(layers, width)
    for way in ways.values():
        straighten(way[1:-1], layers, width)
    return Layout(layers, steps, ways, width)


def beside(place: Place) -> list[Place]:
    """What a place is drawn towards; steps not towards arrows that pass, or those would bend."""
    near = [*place.above, *place.below]
    return [each for each in near if each.step is not None or place.step is None] or near


def centre(layers: list[list[Place]], width: float) -> None:
    places = [place for layer in layers for place in layer]
    left = min(place.x - place.width / 2 for place in places)
    right = max(place.x + place.width / 2 for place in places)
    for place in places:
        place.x = round(place.x + (width - left - right) / 2, 1)


def straighten(way: list[Place], layers: list[list[Place]], width: float) -> None:
    """What passes several layers passes them in one line, where there is room for it."""
    low, high = LANE / 2, width - LANE / 2
    for place in way:
        layer = next(each for each in layers if any(one is place for one in each))
        number = next(n for n, one in enumerate(layer) if one is place)
        if number:
            low = max(low, layer[number - 1].x + layer[number - 1].width / 2 + GAP + LANE / 2)
        if number + 1 < len(layer):
            high = min(high, layer[number + 1].x - layer[number + 1].width / 2 - GAP - LANE / 2)
    if way and low <= high:
        wanted = sum(place.x for place in way) / len(way)
        for place in way:
            place.x = round(min(max(wanted, low), high), 1)


def rank(of: Sequence[Sequence[int]]) -> list[int]:
    """The layer of each step: under all that it takes, and not with too many others. What takes
    nothing stands above the first that takes it.
    """
    ranks: list[int] = []
    full: dict[int, int] = {}
    for sources in of:
        layer = max((ranks[each] + 1 for each in sources), default=0)
        while sources and full.get(layer, 0) >= AT_MOST:
            layer += 1
        full[layer] = full.get(layer, 0) + bool(sources)
        ranks.append(layer)
    for n, sources in enumerate(of):
        takers = [ranks[m] for m, each in enumerate(of) if n in each]
        if not sources and takers:
            ranks[n] = max(0, min(takers) - 1)
    return ranks


def order(layers: list[list[Place]]) -> None:
    """Within a layer, so that few arrows cross."""
    for number in range(SWEEPS):
        down = number % 2 == 0
        for layer in layers[1:] if down else layers[-2::-1]:
            next_to = layers[layers.index(layer) + (-1 if down else 1)]
            at = {id(place): n / max(1, len(next_to) - 1) for n, place in enumerate(next_to)}
            here = {id(place): n / max(1, len(layer) - 1) for n, place in enumerate(layer)}

            def middle(place: Place) -> float:
                near = [at[id(each)] for each in (place.above if down else place.below)]
                return sum(near) / len(near) if near else here[id(place)]

            layer.sort(key=middle)


def settle(layer: list[Place], width: float, near: Callable[[Place], list[Place]]) -> None:
    """Each as near to its neighbours as the others of its layer let it."""
    wanted = []
    for number, place in enumerate(layer):
        xs = [each.x for each in near(place) if each.x]
        wanted.append(sum(xs) / len(xs) if xs else place.x or width * (number + 1) / (len(layer) + 1))
    rightward = push(wanted, [place.width for place in layer])
    leftward = [-x for x in push([-x for x in wanted[::-1]], [place.width for place in layer[::-1]])][::-1]
    between = [(a + b) / 2 for a, b in zip(rightward, leftward, strict=True)]
    xs = push(between, [place.width for place in layer], 0)
    xs = [-x for x in push([-x for x in xs[::-1]], [place.width for place in layer[::-1]], -width)][::-1]
    for place, x in zip(layer, xs, strict=True):
        place.x = round(x, 1)


def push(wanted: list[float], widths: list[float], start: float = float("-inf")) -> list[float]:
    """From the first to the last, each far enough from the one before."""
    found: list[float] = []
    edge = start
    for x, width in zip(wanted, widths, strict=True):
        found.append(max(x, edge + width / 2))
        edge = found[-1] + width / 2 + GAP
    return found
