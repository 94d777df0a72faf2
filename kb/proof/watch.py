"""What a process of tests reads: seen by an audit hook, which is there before anything else.

    watch = install(root, log)   # the first thing that a process does

Python tells the hook of every file that it opens, of every process that it starts and of every
library that it loads. A line goes into `log` at once for each file of the project and for each
folder of it that the project's own code lists, and for whatever can't be seen from here:

    read    data/expected.json         opened by the project's own code
    import  snippets/half.py           by an import
    open    data/weights.pt            by a package
    list    data
    package /…/site-packages/torch/nn/functional.py
    refuse  启动了别的进程（subprocess.Popen：…）

`kb.proof.children` installs the same in the processes that tests start. Questions whether a file
exists raise no event.
"""

import os
import sys
import tempfile
from pathlib import Path

TOOL = os.path.realpath(Path(__file__).parents[1]) + os.sep
STDLIB = tuple(
    os.path.realpath(folder) + os.sep
    for folder in {os.path.dirname(os.__file__), os.path.dirname(os.__file__) + "/lib-dynload"}
)
SYSTEM = ("/proc/", "/dev/", "/sys/", "/etc/")
STARTS = {
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.fork",
    "os.forkpty",
    "os.posix_spawn",
    "os.spawn",
    "os.startfile",
    "_winapi.CreateProcess",
}
LISTS = {"os.listdir", "os.scandir"}
COMPILERS = ("torch/_inductor/", "torch/utils/_triton.py", "torch/utils/cpp_extension.py")
"""Parts of torch that start a compiler, which reads what torch wrote."""
NOT_READ = {".git", ".hypothesis", ".pytest_cache", "__pycache__", ".cache"}
"""Folders of the project that tools write into."""


class Watch:
    def __init__(self, root: Path, log: Path):
        self.root = os.path.realpath(root) + os.sep
        self.environment = os.path.realpath(sys.prefix) + os.sep
        temporary = tempfile.gettempdir()  # of this run alone
        self.scratch = tuple(
            os.path.realpath(folder) + os.sep
            for folder in (temporary, sys.pycache_prefix or temporary)
        )
        self.path = log
        self.log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self.said: set[str] = set()
        self.allowed = 0
        """Above zero while a child of ours is being started."""

    def __call__(self, event: str, arguments: tuple) -> None:
        if event == "open":
            self.opened(arguments[0])
        elif event in LISTS:
            self.listed(arguments[0] if arguments else None)
        elif event == "import" and arguments[1]:
            self.opened(arguments[1])
        elif event in STARTS:
            self.started(event, arguments)
        elif event == "ctypes.dlopen" and arguments[0]:
            self.loaded(str(arguments[0]))
        elif event == "socket.connect" and self.caller() == "project":
            self.say("refuse", f"连到网络（{event}）")

    def opened(self, path: object) -> None:
        if isinstance(path, int) or path is None:
            return
        name = self.source(os.path.abspath(os.fsdecode(path)))
        if name in self.said:
            return
        self.said.add(name)
        for place in {name, os.path.realpath(name)}:
            kind = self.kind(place)
            if kind == "project":
                by = {"project": "read", "import": "import"}.get(self.caller(), "open")
                self.say(by, place.removeprefix(self.root).replace(os.sep, "/"))
            elif kind == "package":
                self.say("package", place)
            elif kind == "elsewhere" and os.path.exists(place):
                self.say("refuse", f"打开了项目以外的 {place}")

    def source(self, name: str) -> str:
        """Of bytecode in the folder of this run's own, the file that it was compiled from."""
        prefix = sys.pycache_prefix
        if prefix and name.startswith(prefix + os.sep) and name.endswith(".pyc"):
            folder, file = os.path.split(name.removeprefix(prefix))
            return os.path.join(folder, file.split(".")[0] + ".py")
        return name

    def kind(self, place: str) -> str:
        """Where a file is: in the tool, a package, the project, Python itself, or elsewhere."""
        place = place + os.sep
        if place.startswith(TOOL):
            return "tool"
        if "site-packages" + os.sep in place or "dist-packages" + os.sep in place:
            return "package"
        if place.startswith(self.scratch) or place.startswith(SYSTEM):
            return "scratch"
        if place.startswith(self.root):
            if self.environment.startswith(self.root) and place.startswith(self.environment):
                return "python"
            parts = place.removeprefix(self.root).split(os.sep)
            own = set(parts) & NOT_READ or any(part.endswith(".egg-info") for part in parts)
            return "scratch" if own else "project"
        if place.startswith((*STDLIB, self.environment)):
            return "python"
        return "elsewhere"

    def listed(self, path: object) -> None:
        if isinstance(path, int):
            return
        place = os.path.realpath(os.fsdecode(path)) if path else os.getcwd()
        if self.kind(place) == "project" and self.caller() == "project":
            self.say("list", place.removeprefix(self.root.rstrip(os.sep)).lstrip(os.sep))

    def started(self, event: str, arguments: tuple) -> None:
        if self.allowed or self.caller(COMPILERS) in ("compiler", "tool"):
            return
        what = arguments[1] if event == "subprocess.Popen" else arguments[:1]
        self.say("refuse", f"启动了别的进程（{event}：{str(what)[:80]}）")

    def loaded(self, name: str) -> None:
        place = os.path.realpath(name)
        if self.kind(place) == "project" and os.path.exists(place):
            self.say("refuse", f"装入了动态库 {name}")
        elif self.caller() == "project":
            self.say("refuse", f"用 ctypes 装入了 {name}")

    def caller(self, compilers: tuple[str, ...] = ()) -> str:
        """Whose code is at work: that of the nearest frame that isn't Python's own."""
        frame = sys._getframe(2)
        while frame is not None:
            file = frame.f_code.co_filename
            if file.startswith("<frozen importlib"):
                return "import"
            if not file.startswith("<") and file != __file__:
                place = os.path.abspath(file)
                if compilers and any(part in place.replace(os.sep, "/") for part in compilers):
                    return "compiler"
                kind = self.kind(place)
                if kind != "python":
                    return kind
            frame = frame.f_back
        return "python"

    def say(self, kind: str, what: str) -> None:
        line = f"{kind}\t{what}"
        if line not in self.said:
            self.said.add(line)
            os.write(self.log, line.replace("\n", " ").encode() + b"\n")


INSTALLED: list[Watch] = []
"""The watch of this process, if it has one: a hook can't be taken away again."""


def install(root: Path, log: Path) -> Watch:
    watch = Watch(root, log)
    INSTALLED.append(watch)
    see_forks(watch)
    sys.addaudithook(watch)
    return watch


def see_forks(watch: Watch) -> None:
    """multiprocessing starts its processes below the events."""
    try:
        import _posixsubprocess
    except ImportError:  # Windows, where there is an event for it
        return
    fork_exec = _posixsubprocess.fork_exec

    def seen(*arguments: object) -> int:
        watch.started("fork_exec", (arguments[0],))
        return fork_exec(*arguments)

    _posixsubprocess.fork_exec = seen


def read_log(log: Path) -> dict[str, list[str]]:
    """Kind → what was said, each once, in order of the alphabet."""
    found: dict[str, set[str]] = {}
    for line in log.read_text("utf-8", "surrogateescape").splitlines() if log.exists() else []:
        kind, _, what = line.partition("\t")
        found.setdefault(kind, set()).add(what)
    return {kind: sorted(lines) for kind, lines in found.items()}
