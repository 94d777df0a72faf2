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
    borrow  /…/site-packages/torch/version.py   of a package, by the project's own code
    refuse  启动了别的进程（subprocess.Popen：…）

Questions whether a file is there raise no event: the functions of `os` that ask are wrapped.
`kb.proof.children` installs the same in the processes that tests start.
"""

import functools
import os
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

TOOL = os.path.realpath(Path(__file__).parents[1]) + os.sep
STDLIB = tuple(
    os.path.realpath(folder) + os.sep
    for folder in {os.path.dirname(os.__file__), os.path.dirname(os.__file__) + "/lib-dynload"}
)
METADATA = os.path.join(os.path.dirname(os.__file__), "importlib", "metadata")
SYSTEM = ("/proc/", "/dev/", "/sys/", "/etc/")
SHARED = "/dev/shm/"
"""A folder like any other, whatever stands above it."""
ANYBODYS = re.compile(r"/proc/(?:self|\d+)/|/proc/(?:cpuinfo|meminfo)$|/dev/(?:null|urandom|zero)$")
"""Of the system, what the project's own code may look at: nothing is kept there."""
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
READS = {"os.link", "os.rename", "os.symlink"}
"""What gets at a file without opening it: its name comes first."""
ASKS = ("access", "lstat", "readlink", "stat")
RESOLVES = ("_joinrealpath", "realpath", "resolve")
"""Functions of Python that write a path out, and ask of every folder on the way."""
PROGRAMS = ("which",)
"""The same, that look for a program."""
COLLECT = ("/_pytest/", "/pluggy/", "/coverage/", "/hypothesis/")
"""Packages that list folders to find tests, or what they themselves have written."""
COMPILERS = ("torch/_inductor/", "torch/utils/_triton.py", "torch/utils/cpp_extension.py")
"""Parts of torch that start a compiler, which reads what torch wrote."""
LOADER = "/torch/utils/data/dataloader.py"
NOT_READ = {".git", ".hypothesis", ".pytest_cache", "__pycache__"}
"""Folders of the project that tools write into, and read."""


class Watch:
    def __init__(self, root: Path, log: Path):
        self.root = os.path.realpath(root) + os.sep
        self.environment = os.path.realpath(sys.prefix) + os.sep
        self.python = os.path.realpath(sys.base_prefix).rstrip(os.sep) + os.sep
        temporary = tempfile.gettempdir()  # of this run alone
        self.scratch = tuple(
            os.path.realpath(folder) + os.sep
            for folder in (temporary, sys.pycache_prefix or temporary)
        )
        self.path = log
        self.log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self.said: set[str] = set()
        self.seen: set[tuple[str, str]] = set()
        """Files that were opened, and by whose code."""
        self.allowed = 0
        """Above zero while a child of ours is being started."""

    def __call__(self, event: str, arguments: tuple) -> None:
        if event == "open":
            self.opened(arguments[0], writes=writes(*arguments[1:]))
        elif event in READS:
            self.opened(arguments[0])
        elif event == "sqlite3.connect":
            self.connected(os.fsdecode(arguments[0]))
        elif event in LISTS:
            self.listed(arguments[0] if arguments else None)
        elif event == "import" and arguments[1]:
            self.opened(arguments[1])
        elif event in STARTS:
            self.started(event, arguments)
        elif event == "ctypes.dlopen" and arguments[0]:
            self.loaded(str(arguments[0]))
        elif event == "socket.connect":
            is_network = isinstance(arguments[1], tuple)  # else a file of this machine
            if self.caller() == "project" or (is_network and self.caller() == "package"):
                self.say("refuse", f"连到网络（{event}）")
        elif event == "cpython.PyInterpreterState_New":
            self.say("refuse", "另开了一个解释器")

    def opened(self, path: object, writes: bool = False) -> None:
        if isinstance(path, int) or path is None:
            return
        name = self.source(os.path.abspath(os.fsdecode(path)))
        places = {name: self.kind(name), (real := os.path.realpath(name)): self.kind(real)}
        if not {*places.values()} - {"tool", "stdlib", "scratch"}:
            return
        by = self.caller()
        if (name, by) in self.seen:
            return
        self.seen.add((name, by))
        for place, kind in places.items():
            if kind == "project" or (kind == "tools" and by == "project"):
                what = {"project": "read", "import": "import"}.get(by, "open")
                self.say(what, self.relative(place))
            elif kind == "package":
                self.say("borrow" if by == "project" else "package", place)
            elif kind == "elsewhere" and by != "tool":
                if by == "project" or writes or os.path.exists(place):
                    self.say("refuse", f"打开了项目以外的 {place}")
            elif kind in ("system", "python") and by == "project" and not ANYBODYS.match(place):
                self.say("refuse", f"打开了项目以外的 {place}")

    def connected(self, database: str) -> None:
        name, _, options = database.removeprefix("file:").partition("?")
        if name not in ("", ":memory:") and "mode=memory" not in options:
            for beside in ("", "-journal", "-wal"):  # SQLite reads on in these, where they are
                self.opened(f"{name}{beside}")

    def asked(self, path: object) -> None:
        """Whether a file is there, or what it is."""
        if isinstance(path, (str, bytes, os.PathLike)):
            place = os.path.abspath(os.fsdecode(path))
            kind = self.kind(place)
            if kind in ("project", "tools", "elsewhere") and not self.is_above(place):
                if self.caller() == "project":
                    if kind != "elsewhere":
                        self.say("read", self.relative(place))
                    elif not place.startswith(self.python) and not through(PROGRAMS):
                        self.say("refuse", f"看了项目以外有没有 {place}")

    def is_above(self, place: str) -> bool:
        """Whether the project or the folder of this run stands in it: they are made in there."""
        return any(each.startswith(place.rstrip(os.sep) + os.sep) for each in (self.root, *self.scratch))

    def relative(self, place: str) -> str:
        return place.removeprefix(self.root).replace(os.sep, "/")

    def source(self, name: str) -> str:
        """Of bytecode in the folder of this run's own, the file that it was compiled from."""
        prefix = sys.pycache_prefix
        if prefix and name.startswith(prefix + os.sep) and name.endswith(".pyc"):
            folder, file = os.path.split(name.removeprefix(prefix))
            return os.path.join(folder, file.split(".")[0] + ".py")
        return name

    def kind(self, place: str) -> str:
        """Where a file is: in the tool, a package, the project, Python itself, or elsewhere.

        "tools" is what tools write into the project's folder for themselves.
        """
        place = place + os.sep
        if place.startswith(TOOL):
            return "tool"
        if place.startswith(self.scratch):
            return "scratch"
        if place.startswith(SYSTEM) and not place.startswith(SHARED):
            return "system"
        mine = self.environment.startswith(self.root) and place.startswith(self.environment)
        if place.startswith(self.root) and not mine:
            parts = place.removeprefix(self.root).split(os.sep)
            own = set(parts) & NOT_READ or any(part.endswith(".egg-info") for part in parts)
            return "tools" if own else "project"
        if "site-packages" + os.sep in place or "dist-packages" + os.sep in place:
            return "package"
        if place.startswith(STDLIB):
            return "stdlib"
        return "python" if place.startswith(self.environment) else "elsewhere"

    def listed(self, path: object) -> None:
        by = self.caller(COLLECT)
        if by in ("compiler", "import", "tool"):
            return
        if isinstance(path, int):
            place = place_of(path)
        else:
            place = os.path.realpath(os.fsdecode(path)) if path else os.getcwd()
        if self.kind(place) == "project":
            if place + os.sep != self.root:
                self.say("list", self.relative(place))
            elif by == "project":
                self.say("refuse", "列出了整个项目的文件夹，里面什么都会变。列出要用的那一个")
        elif self.kind(place) == "elsewhere" and by == "project":
            self.say("refuse", f"列出了项目以外的 {place}")

    def started(self, event: str, arguments: tuple) -> None:
        if self.allowed or self.caller(COMPILERS) in ("compiler", "tool"):
            return
        what = arguments[1] if event == "subprocess.Popen" else arguments[:1]
        if within(LOADER):
            self.say("refuse", "DataLoader 启动了别的进程，它们读了什么看不见：写 num_workers=0")
            return
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
            if file.startswith(("<frozen importlib", METADATA)):
                return "import"
            if not file.startswith("<") and file != __file__:
                place = os.path.abspath(file)
                kind = self.kind(place)
                if kind == "package" and any(part in place.replace(os.sep, "/") for part in compilers):
                    return "compiler"
                if kind not in ("python", "stdlib"):
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
    see_questions(watch)
    sys.addaudithook(watch)
    return watch


def within(ending: str) -> bool:
    """Whether a file with this ending is anywhere on the stack."""
    frame = sys._getframe(1)
    while frame is not None and not frame.f_code.co_filename.endswith(ending):
        frame = frame.f_back
    return frame is not None


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


def see_questions(watch: Watch) -> None:
    for name in ASKS:
        setattr(os, name, seen_by(watch, getattr(os, name)))


def seen_by(watch: Watch, ask: Callable) -> Callable:
    @functools.wraps(ask)
    def asked(path: object, *arguments: object, **options: object) -> object:
        if not through(RESOLVES):
            watch.asked(path)
        return ask(path, *arguments, **options)

    for supported in (os.supports_dir_fd, os.supports_fd, os.supports_follow_symlinks):
        if ask in supported:
            supported.add(asked)
    return asked


def through(names: tuple[str, ...]) -> bool:
    """Whether one of these functions of Python asks, for whoever called it."""
    frame = sys._getframe(2)
    while frame is not None and frame.f_code.co_filename.startswith((__file__, "<frozen", *STDLIB)):
        if frame.f_code.co_name in names:
            return True
        frame = frame.f_back
    return False


def place_of(descriptor: int) -> str:
    """The folder that is open under it."""
    try:
        return os.readlink(f"/proc/self/fd/{descriptor}")
    except OSError:  # not Linux
        import fcntl

        name = fcntl.fcntl(descriptor, fcntl.F_GETPATH, bytes(1024))
        return os.fsdecode(name.rstrip(b"\0"))


def writes(mode: object = None, flags: object = 0) -> bool:
    """Whether a file is opened to be written, as the event says."""
    if isinstance(mode, str):
        return any(letter in mode for letter in "wax+")
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))


def read_log(log: Path) -> dict[str, list[str]]:
    """Kind → what was said, each once, in order of the alphabet."""
    found: dict[str, set[str]] = {}
    for line in log.read_text("utf-8", "surrogateescape").splitlines() if log.exists() else []:
        kind, _, what = line.partition("\t")
        found.setdefault(kind, set()).add(what)
    return {kind: sorted(lines) for kind, lines in found.items()}
