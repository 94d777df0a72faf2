"""Letters for the axes of tensors, as docstrings introduce them: `x (B, C, H, W)`.

A docstring says what the shape of each parameter is, and under 返回 or after an arrow that of what
comes back; a shape without a name, under 参数与返回 or before an arrow, is that of every parameter.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise

NAME = r"[A-Za-zα-ωΑ-Ω_][\w′″]*"
SHAPE = re.compile(rf"(?P<names>{NAME}(?:（[^）]*）)?(?:、{NAME})*)? ?\((?P<axes>[^()]+)\)")
LETTER = re.compile(r"[A-Za-zα-ωΑ-Ω]\w*[′″]*")
PRODUCT = re.compile(rf"{LETTER.pattern}(?:·{LETTER.pattern})*")
HEADING = re.compile(r"^\s*(参数与返回|参数|形状|返回|异常|出处)[：:]", re.MULTILINE)
SPACE = {1: ("L",), 2: ("H", "W"), 3: ("T", "H", "W")}
"""What `*空间` stands for."""
REST = ("...", "…", "*")
KNOWN = {"in_channels": "C", "channels": "C"}
"""Parameters that a docstring names instead of the letter that everybody uses."""

Axes = list[str]


def shapes_of(doc: str) -> tuple[dict[str, Axes], list[Axes]]:
    """The shapes of parameters, by name, and of what is returned, in order.

    "" among the parameters is the shape of any that has no other.
    """
    places = [(match.start(), match[1]) for match in HEADING.finditer(doc)]
    places = [(0, "参数"), *places, (len(doc), "")]
    parameters: dict[str, Axes] = {}
    returned: list[Axes] = []
    for (start, heading), (end, _) in pairwise(places):
        for names, axes, arrow in shapes_in(doc[start:end]):
            gives = "返回" in heading or (not names and arrow == "after")
            takes = heading == "参数与返回" or (not names and arrow == "before")
            if gives:
                returned.append(axes)
            if not gives or heading == "参数与返回":
                for name in names or ([""] if takes else []):
                    parameters.setdefault(name, axes)
    return parameters, returned


def shapes_in(text: str) -> Iterator[tuple[list[str], Axes, str]]:
    """Names, axes, and on which side of an arrow they stand, "" where there is none."""
    for match in SHAPE.finditer(text):
        before, after = text[: match.start()].rstrip(), text[match.end() :].lstrip()
        arrow = "after" if before.endswith("→") else "before" if after.startswith("→") else ""
        axes = [each.strip() for each in match["axes"].split(",")]
        if any(PRODUCT.fullmatch(each) or each.startswith(REST) for each in axes):
            names = re.sub("（[^）]*）", "", match["names"] or "").split("、")
            yield [name for name in names if name], axes, arrow


def bind(axes: Axes, count: int) -> list[str]:
    """The letter of each of `count` axes, or a product of some, "" where none is said; all ""
    where they don't fit.
    """
    rest = [n for n, each in enumerate(axes) if each.startswith(REST)]
    if len(rest) > 1 or (not rest and len(axes) != count) or len(axes) - len(rest) > count:
        return [""] * count
    if rest:
        (place,) = rest
        number = count - len(axes) + 1
        is_space = axes[place] == "*空间" and number in SPACE
        between = SPACE[number] if is_space else [""] * number
        axes = [*axes[:place], *between, *axes[place + 1 :]]
    letters = [KNOWN.get(each, each) for each in axes]
    return [each if is_known(each) else "" for each in letters]


def is_known(name: str) -> bool:
    return bool(PRODUCT.fullmatch(name)) and all(len(each) <= 6 for each in name.split("·"))


def axis_names(
    shape: list[int],
    scales: list[frozenset[str]],
    told: list[str],
    letters: dict[str, tuple[int, frozenset[str]]],
    inputs: Iterable[str],
) -> list[str]:
    """What to call each axis of a tensor; the number where no letter is certain.

    `told` is what a docstring says of this very tensor. `scales` holds for each axis the letters
    of inputs with which it doubles, `letters` the size of each and the letters with which that
    doubles. An axis is a letter's if both agree, or the product of the letters that it grows with.
    """

    def product(factors: list[str]) -> tuple[int, frozenset[str]]:
        size, grows = 1, frozenset()
        for each in factors:
            size, grows = size * letters[each][0], grows | letters[each][1]
        return size, grows

    names = []
    for size, grows, said in zip(shape, scales, told, strict=True):
        parts = said.split("·")
        if all(part in letters for part in parts) and product(parts) == (size, grows):
            names.append(said)
            continue
        same = [letter for letter, each in letters.items() if each == (size, grows)]
        factors = [letter for letter in inputs if letter in grows]
        if same and size > 1 and (grows or len(same) == 1):
            names.append(same[0])
        elif len(factors) > 1 and product(factors) == (size, grows):
            names.append("·".join(factors))
        else:
            names.append(str(size))
    return names
