"""What the functions of `snippets/` do while a test runs: their lines, and what they return.

Python tells a function that `sys.settrace` names of each call, and of what goes on inside only where
it asks for that: here in the code of the snippets. `sys.setprofile` would tell of all that any
function does, also those of torch, which takes three times as long.
"""

import contextlib
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import CodeType, FrameType

from kb.evidence.calls import Calls
from kb.evidence.imports import SNIPPETS
from kb.evidence.originals import codes_in

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
        self.written: dict[str, set[CodeType]] = {}
        """Path → what Python makes of that file."""
        self.begun: dict[FrameType, list] = {}
        """Tensors that a call was given, and how often each had been changed in place."""
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
            if followers[code]:
                self.begun[frame] = changes(frame.f_locals.values())
            return followers[code]

        return enter

    def follower(self, place: str, lines: set[int], dtypes: set[str]) -> Trace:
        def follow(frame: FrameType, event: str, value: object) -> Trace:
            if event == "line":
                lines.add(frame.f_lineno)
            elif event == "return":
                note_dtypes((value, *frame.f_locals.values()), dtypes)
                begun = self.begun.pop(frame, ())
                written = (tensor for tensor, times in begun if tensor._version > times)
                self.returned(place, *(written if value is None else (value,)))
            return follow

        return follow

    def place_of(self, code: CodeType) -> tuple[str, str]:
        """`snippets/half.py` and `snippets/half.py:12`, where a function of the snippets begins;
        empty for others, and for what only says that it comes from there."""
        if code not in self.places:
            file = code.co_filename.replace("\\", "/")
            is_there = file.startswith(self.folder) and code in self.written_in(code.co_filename)
            path = f"{SNIPPETS}{file.removeprefix(self.folder)}" if is_there else ""
            self.places[code] = path, f"{path}:{code.co_firstlineno}"
        return self.places[code]

    def written_in(self, file: str) -> set[CodeType]:
        if file not in self.written:
            source = Path(file).read_bytes() if Path(file).is_file() else b""
            self.written[file] = {*codes_in(compile(source, file, "exec", dont_inherit=True))}
        return self.written[file]


def changes(values: Iterable) -> list[tuple]:
    """The tensors among them, and how often each has been changed in place, where that is counted."""
    torch = sys.modules.get("torch")
    found = (each for each in values if torch is not None and isinstance(each, torch.Tensor))
    return [(each, each._version) for each in found if not each.is_inference()]


def note_dtypes(value: tuple | list, found: set[str]) -> None:
    """The dtypes of the tensors in a tuple or a list, however deep."""
    torch = sys.modules.get("torch")
    for each in value if torch is not None else ():
        if isinstance(each, (tuple, list)):
            note_dtypes(each, found)
        elif isinstance(each, torch.Tensor):
            found.add(str(each.dtype).removeprefix("torch."))
