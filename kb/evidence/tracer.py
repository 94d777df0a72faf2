"""What the functions of `snippets/` do while a test runs: their lines, and what they return.

Python tells a function that `sys.settrace` names of each call, and of what goes on inside only where
it asks for that: here in the code of the snippets. `sys.setprofile` would tell of all that any
function does, also those of torch, which takes three times as long.
"""

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator
from types import CodeType, FrameType

from kb.evidence.calls import Calls
from kb.evidence.imports import SNIPPETS

Trace = Callable[[FrameType, str, object], object]


class Tracer:
    """`returned` hears of each value that a function of the snippets returns, and whose it is.

    Attributes: `lines` (test → path → lines that it ran), `dtypes` (test → of the tensors that those
    functions had when they returned); `calls` sees what those that have a diagram are called with.
    """

    def __init__(self, folder: str, calls: Calls, returned: Callable):
        self.folder = folder
        self.calls = calls
        self.returned = returned
        self.places: dict[CodeType, tuple[str, str]] = {}
        self.lines: dict[str, dict[str, set[int]]] = {}
        self.dtypes: dict[str, set[str]] = {}

    @contextlib.contextmanager
    def during(self, test: str) -> Iterator[None]:
        """Also in threads that start meanwhile."""
        trace = self.trace_of(test)
        threading.settrace(trace)
        sys.settrace(trace)
        try:
            yield
        finally:
            sys.settrace(None)
            threading.settrace(None)

    def trace_of(self, test: str) -> Trace:
        lines = self.lines.setdefault(test, {})
        dtypes = self.dtypes.setdefault(test, set())
        followers: dict[CodeType, Trace | None] = {}
        subjects = self.calls.subjects

        def enter(frame: FrameType, event: str, value: object) -> Trace | None:
            code = frame.f_code
            if code in subjects:
                self.calls.see(frame)
            if code not in followers:
                path, place = self.place_of(code)
                own = lines.setdefault(path, set()) if path else set()
                followers[code] = self.follower(place, own, dtypes) if path else None
            return followers[code]

        return enter

    def follower(self, place: str, lines: set[int], dtypes: set[str]) -> Trace:
        def follow(frame: FrameType, event: str, value: object) -> Trace:
            if event == "line":
                lines.add(frame.f_lineno)
            elif event == "return":
                note_dtypes((value, *frame.f_locals.values()), dtypes)
                self.returned(place, *(frame.f_locals.values() if value is None else (value,)))
            return follow

        return follow

    def place_of(self, code: CodeType) -> tuple[str, str]:
        """`snippets/half.py` and `snippets/half.py:12`, where a function of the snippets begins;
        empty for others."""
        if code not in self.places:
            file = code.co_filename.replace("\\", "/")
            path = f"{SNIPPETS}{file.removeprefix(self.folder)}" if file.startswith(self.folder) else ""
            self.places[code] = path, f"{path}:{code.co_firstlineno}"
        return self.places[code]


def note_dtypes(value: tuple | list, found: set[str]) -> None:
    """The dtypes of the tensors in a tuple or a list, however deep."""
    torch = sys.modules.get("torch")
    for each in value if torch is not None else ():
        if isinstance(each, (tuple, list)):
            note_dtypes(each, found)
        elif isinstance(each, torch.Tensor):
            found.add(str(each.dtype).removeprefix("torch."))
