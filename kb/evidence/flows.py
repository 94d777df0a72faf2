"""What a region does to tensors, as a reader of the note follows it: the data of its diagram.

    flows = find_flows(calls, folder)      region → flow, from the calls that the tests made

The best example among the calls is made once more, after the tests, and followed (`kb.evidence.trace`).
Then once for each letter, with that axis of the inputs twice as long: what grows with it depends on
it, which two equal numbers would not tell (`kb.evidence.letters`). What only arranges numbers anew
is one step, however many functions it takes; what the result doesn't need is left out.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

import torch

from kb.evidence.calls import Calls, Subject, tensors_in
from kb.evidence.letters import axis_names
from kb.evidence.trace import Step, Trace, trace

VIEWS = {
    *("flatten", "reshape", "view", "unflatten", "transpose", "permute", "mT", "T", "mH", "swapaxes"),
    *("movedim", "moveaxis", "squeeze", "unsqueeze", "expand", "broadcast_to", "ravel", "expand_as"),
}
PRODUCTS = ("matmul", "bmm", "mm", "rmatmul")
MOST = 26
"""Steps that a diagram has at most; where there are more, functions become one step each."""
TRIES = 4
"""Calls that are tried, where one can't be made again."""


def find_flows(calls: Calls, folder: str) -> dict[str, dict]:
    flows = {}
    for subject in (each for several in calls.subjects.values() for each in several):
        for call in calls.best(subject)[:TRIES]:
            try:
                flow = follow(subject, call.arguments, folder)
            except Exception:  # whatever the code does: then there is no diagram
                continue
            if flow:
                flows[subject.region] = flow
                break
    return flows


def follow(subject: Subject, arguments: dict[str, object], folder: str) -> dict | None:
    """None where tensors neither go in nor come out, or where it does too much for a diagram."""
    found = trace(subject.function, arguments, folder)
    inputs = [n for n, step in enumerate(found.steps) if step.op == "input"]
    if not inputs or not found.outputs:
        return None
    sizes, names = name_axes(subject, arguments, found, folder)
    kept = arrange(found)
    if kept is None:
        return None
    order, merged, outputs = kept
    place = {number: index for index, number in enumerate(order)}
    lines = [line_of(merged[number], names[number], place) for number in order]
    return {
        "of": subject.name,
        "sizes": {letter: size for letter, size in sizes.items() if is_used(letter, lines)},
        "steps": lines,
        "outputs": [place[each] for each in outputs],
    }


def is_used(letter: str, lines: Iterable[dict]) -> bool:
    return any(letter in name.split("·") for line in lines for name in line["axes"])


def line_of(step: Step, axes: list[str], place: dict[int, int]) -> dict:
    line = {"op": step.op, "of": [place[each] for each in step.of], "shape": step.shape, "axes": axes}
    if step.uses:
        line["uses"] = step.uses
    if step.name:
        line["name"] = step.name
    return line | step.about


def name_axes(
    subject: Subject, arguments: dict[str, object], found: Trace, folder: str
) -> tuple[dict[str, int], list[list[str]]]:
    """The size of each letter, and the name of each axis of each step."""
    inputs = [step for step in found.steps if step.op == "input"]
    letters = list(dict.fromkeys(each for step in inputs for each in step.told if is_letter(each)))
    grown = {letter: grow(subject, arguments, found, letter, folder) for letter in letters}
    scales = [
        [
            frozenset(l for l, other in grown.items() if other and other[n][axis] == 2 * size)
            for axis, size in enumerate(step.shape)
        ]
        for n, step in enumerate(found.steps)
    ]
    known: dict[str, tuple[int, frozenset[str]]] = {}
    for step, grows in zip(found.steps, scales, strict=True):
        for letter, size, grow_with in zip(step.told, step.shape, grows, strict=True):
            if is_letter(letter):
                known.setdefault(letter, (size, grow_with))
    names = [
        axis_names(step.shape, grows, step.told, known, letters)
        for step, grows in zip(found.steps, scales, strict=True)
    ]
    return {letter: size for letter, (size, _) in known.items()}, names


def is_letter(name: str) -> bool:
    return bool(name) and "·" not in name


def grow(
    subject: Subject, arguments: dict[str, object], found: Trace, letter: str, folder: str
) -> list[list[int]] | None:
    """The shape of each step where the axes of that letter are twice as long; None where that
    isn't allowed, or makes other steps.
    """
    told = iter([step.told for step in found.steps if step.op == "input"])

    def longer(value: object) -> object:
        if isinstance(value, torch.Tensor):
            for axis, each in enumerate(next(told)):
                value = torch.cat([value, value], axis) if each == letter else value
            return value
        if isinstance(value, (list, tuple)):
            return type(value)([longer(each) for each in value])
        return {key: longer(each) for key, each in value.items()} if isinstance(value, dict) else value

    with torch.no_grad():
        changed = {
            name: value if isinstance(value, torch.nn.Module) or not tensors_in([value]) else longer(value)
            for name, value in arguments.items()
        }
    try:
        other = trace(subject.function, changed, folder)
    except Exception:
        return None
    return [step.shape for step in other.steps] if other.pattern() == found.pattern() else None


def arrange(found: Trace) -> tuple[list[int], dict[int, Step], list[int]] | None:
    """The steps that a diagram shows, in order; by number; and those that are results."""
    steps, outputs = dict(enumerate(found.steps)), list(found.outputs)
    needed(steps, outputs)
    transposed_products(steps, outputs)
    merge_views(steps, outputs)
    for depth in (2, 1, 0):
        if len(needed(steps, outputs)) > MOST:
            gather(steps, outputs, depth)
            merge_views(steps, outputs)
    order = needed(steps, outputs)
    return (order, steps, outputs) if len(order) <= MOST else None


def needed(steps: dict[int, Step], outputs: list[int]) -> list[int]:
    """Without what no result needs; inputs stay, so that a reader sees what isn't used."""
    reached, waiting = set(), list(outputs)
    while waiting:
        number = waiting.pop()
        if number not in reached:
            reached.add(number)
            waiting += steps[number].of
    for number in [each for each in steps if each not in reached and steps[each].op != "input"]:
        del steps[number]
    return sorted(steps)


def consumers(steps: dict[int, Step], outputs: list[int]) -> Counter:
    return Counter([*(each for step in steps.values() for each in step.of), *outputs])


def transposed_products(steps: dict[int, Step], outputs: list[int]) -> None:
    """θ φᵀ is one step: a factor that is only transposed for the product is no step of its own."""
    for step in steps.values():
        if step.op not in PRODUCTS or len(step.of) != 2:
            continue
        turned = [turns(steps[each]) and not steps[each].name for each in step.of]
        if any(turned):
            of = [steps[n].of[0] if is_turned else n for n, is_turned in zip(step.of, turned)]
            step.of, step.about = of, step.about | {"turned": turned}
    needed(steps, outputs)


def turns(step: Step) -> bool:
    return step.op in ("mT", "T") and len(step.of) == 1


def merge_views(steps: dict[int, Step], outputs: list[int]) -> None:
    """Several that only arrange numbers anew, one after the other, are one; none is one that
    changes nothing that is seen.
    """
    counts = consumers(steps, outputs)
    for number in sorted(steps):
        step = steps[number]
        if not is_view(step):
            continue
        before = steps[step.of[0]]
        if is_view(before) and counts[step.of[0]] == 1 and before.of:
            ops = [*before.about.get("ops", [before.op]), *step.about.get("ops", [step.op])]
            steps[number] = replace(step, op="view", of=before.of, about={"ops": ops})
        elif step.op != "view":
            steps[number] = replace(step, op="view", about={"ops": [step.op]})
    needed(steps, outputs)


def is_view(step: Step) -> bool:
    return len(step.of) == 1 and (step.op in (*VIEWS, "view") or is_index(step))


def is_index(step: Step) -> bool:
    """Indexing that only adds axes."""
    return step.op == "getitem" and step.about.get("adds", False)


def gather(steps: dict[int, Step], outputs: list[int], depth: int) -> None:
    """Calls of functions of the base, `depth` deep, become a step for each of their results."""
    calls = {n: step.inside[depth] for n, step in steps.items() if len(step.inside) > depth}
    leaving = {
        each
        for n, step in steps.items()
        for each in step.of
        if each in calls and calls.get(n) != calls[each]
    }
    leaving |= {each for each in outputs if each in calls}
    taken: dict[tuple[int, str], list[int]] = {}
    uses: dict[tuple[int, str], list[str]] = {}
    for n, call in calls.items():
        taken.setdefault(call, []).extend(each for each in steps[n].of if calls.get(each) != call)
        uses.setdefault(call, []).extend(steps[n].uses)
    for n, call in calls.items():
        if n in leaving:
            of, using = (list(dict.fromkeys(each[call])) for each in (taken, uses))
            about = {"function": call[1], "part": sum(calls[m] == call for m in leaving if m < n)}
            inside = steps[n].inside[:depth]
            steps[n] = replace(steps[n], op="call", of=of, uses=using, about=about, inside=inside)
    needed(steps, outputs)
