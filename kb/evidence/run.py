"""The process in which a topic's tests run: `python -I -m kb.evidence.run job.json`.

A fresh interpreter, without the shell's variables and without bytecode from before, whose first
act is to watch itself (`kb.proof.watch`). It runs the test modules that the job names, one test
after the other, and writes down what happened: which ended how, what each asserted, which lines of
`snippets/` it ran and the dtypes that those computed in; and, once all have ended, how tensors go
through the code of `file`, as one of the tests called it (`kb.evidence.flows`). `kb.evidence.record`
starts it, and judges whether that is the whole truth.

    {"root": …, "file": …, "snippets": […], "modules": […], "device": "cpu", "log": …, "result": …}
"""

import json
import sys
from pathlib import Path

from kb.proof.watch import install

if __name__ == "__main__":
    JOB = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    install(Path(JOB["root"]), Path(JOB["log"]))

import ast
import functools
import importlib.util
import inspect
import re
import traceback
from collections.abc import Iterable, Iterator
from types import CodeType, ModuleType

import pytest

from kb.evidence.calls import Calls, find_subjects
from kb.evidence.lines import join, statements
from kb.evidence.machine import machine
from kb.evidence.originals import Originals
from kb.evidence.regions import read_file
from kb.evidence.store import DEVICES
from kb.evidence.tracer import Tracer

ALLOWED_HOOKS = {
    "pytest_addoption",
    "pytest_make_parametrize_id",
    "pytest_report_header",
}
"""What a conftest may define beside fixtures: what can't change what is reported."""
OURS = ("_pytest", "pytest", "_hypothesis_pytestplugin", "hypothesis", "pytest_timeout", "xdist")
"""Packages whose plugins may be there, as they lie in site-packages."""
OPTIONS = (
    "-q",
    "-p",
    "kb.proof.plugin",
    "-p",
    "no:cacheprovider",
    "--import-mode=importlib",
    "--strict-markers",
    "-o",
    "addopts=",
    "--tb=short",
)


class Recorder:
    """pytest plugin: what happened to each test."""

    def __init__(self, root: Path, modules: list[str], originals: Originals, calls: Calls):
        from kb.proof import assertions

        self.root = root
        self.modules = modules
        self.originals = originals
        self.calls = calls
        self.assertions = assertions
        self.snippets = f"{root / 'snippets'}/".replace("\\", "/")
        self.items: dict[str, pytest.Item] = {}
        self.tests: dict[str, dict] = {}
        self.ends: dict[str, int] = {}
        self.facts: dict[str, list[dict]] = {}
        self.problems: list[str] = []
        self.patched = ""
        self.codes: dict[str, CodeType | None] = {}
        self.tracer = Tracer(self.snippets, calls, assertions.returned)

    def pytest_plugin_registered(self, plugin: object, plugin_name: str) -> None:
        """Whenever that is, also of those that were there before."""
        if plugin is not self:
            self.problems += foreign(plugin, plugin_name, self.root)

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Before anything of the project's is imported that takes long."""
        if self.problems:
            raise pytest.exit.Exception("不能记录")

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        """Before anything is deselected: what isn't run is missing, not forgotten."""
        self.items[item.nodeid] = item
        file, line, _ = item.location
        where = {} if item.nodeid.startswith(f"{file}::") else {"file": Path(file).as_posix()}
        self.tests[item.nodeid] = {"outcome": "missing", "line": line + 1, **where}

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.skipped:  # a whole file
            self.tests[report.nodeid] = {"outcome": "skipped", "line": 1, "why": reason(report)}
        elif report.failed:
            self.problems.append(f"{report.nodeid} 收集不了：{reason(report)}")

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.problems += left_out(self.root, self.modules, self.items.values())
        self.problems += random_examples(self.items.values())
        self.codes = {nodeid: code_of(item) for nodeid, item in self.items.items()}
        self.look("收集测试时")
        self.problems += [
            f"收集测试时，断言没有成立，却被接住了：{message}" for _, message, _ in self.assertions.FAILED
        ]
        self.problems += [] if self.patched else self.originals.written()
        if self.problems or self.patched:
            session.shouldstop = "不能记录"

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self.assertions.FACTS.clear()
        self.assertions.FAILED.clear()
        self.assertions.RETURNED.clear()
        with self.tracer.during(item.nodeid):  # also what its fixtures compute
            result = yield
        test = self.tests[item.nodeid]
        if self.assertions.FAILED and test["outcome"] == "passed":
            why = f"断言没有成立，却被接住了：{self.assertions.FAILED[0][1]}"
            test |= {"outcome": "failed", "why": why}
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        if modes := self.assertions.modes_of_torch():
            self.problems.append(f"{item.nodeid} 运行时，{modes[0]} 正在换掉 torch 的算子。")
        try:
            return (yield)
        finally:
            self.look(item.nodeid)

    def look(self, when: str) -> None:
        if not self.patched and (what := self.originals.changed()):
            self.patched = f"{when} 换掉了 {what}，那就不是在测试原来的代码。"

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        test = self.tests[report.nodeid]
        expected_to_fail = hasattr(report, "wasxfail")
        if report.failed:
            test |= {"outcome": "failed", "why": reason(report)}
        elif test["outcome"] != "failed" and (report.skipped or expected_to_fail):
            test |= {"outcome": "skipped", "why": reason(report)}
        elif report.when == "teardown" and test["outcome"] == "missing":
            test["outcome"] = "passed"
        if report.when == "teardown":
            self.ends[report.nodeid] = self.ends.get(report.nodeid, 0) + 1
            self.facts[report.nodeid] = list(self.assertions.FACTS)

    def result(self, code: int) -> dict:
        ran = self.lines_by_test()
        for nodeid, test in self.tests.items():
            test["facts"] = self.facts.get(nodeid, [])
            test["ran"] = ran.get(nodeid, {})
            test["computed"] = sorted(self.tracer.dtypes.get(nodeid, ()))
            test["device"] = device_parameter(self.items.get(nodeid))
        self.look("结束时")
        again = [nodeid for nodeid, ends in self.ends.items() if ends > 1]
        problems = [*self.problems, *filter(None, [self.patched])]
        problems += [
            f"{nodeid} 在运行以前成了别的。"
            for nodeid, item in self.items.items()
            if self.codes and self.codes.get(nodeid) is not code_of(item)
        ]
        problems += [f"{nodeid} 运行了不止一次" for nodeid in again]
        if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) and not problems:
            problems.append("这次运行没有从头到尾跑完。")
        return {"tests": self.tests, "problems": problems}

    def lines_by_test(self) -> dict[str, dict[str, str]]:
        """Test → path → the statements in function bodies that it ran."""
        first_lines = functools.cache(lambda path: statements((self.root / path).read_bytes()))
        found: dict[str, dict[str, str]] = {}
        for nodeid, files in self.tracer.lines.items():
            ran = {
                path: {first_lines(path)[line] for line in lines if line in first_lines(path)}
                for path, lines in sorted(files.items())
            }
            found[nodeid] = {path: join(lines) for path, lines in ran.items() if lines}
        return found


def foreign(plugin: object, name: str, root: Path) -> Iterator[str]:
    """Why a plugin can change what happens or what is reported of it."""
    module = plugin if isinstance(plugin, ModuleType) else sys.modules.get(type(plugin).__module__)
    file = Path(getattr(module, "__file__", None) or "")
    if file.name == "conftest.py" and file.is_relative_to(root) and module is plugin:
        where = file.relative_to(root).as_posix()
        hooks = {each for each in vars(plugin) if each.startswith("pytest_")}
        for hook in sorted(hooks - ALLOWED_HOOKS):
            yield f"{where} 里的 {hook} 可以改变报告的结果，记录证据时不能有。"
    elif not any(file.is_relative_to(place) for place in places_of_plugins()):
        yield f"pytest 的插件 {name} 可以改变报告的结果，记录证据时不能有。"


@functools.cache
def places_of_plugins() -> list[Path]:
    """Where the tool's own plugins and the tests' are."""
    found = [Path(__file__).parents[1]]
    for name in OURS:
        if (spec := importlib.util.find_spec(name)) and spec.origin:
            origin = Path(spec.origin)
            found.append(origin.parent if origin.name == "__init__.py" else origin)
    return found


def random_examples(items: Iterable[pytest.Item]) -> Iterator[str]:
    """Tests to which hypothesis would give other examples in another run."""
    if "hypothesis" not in sys.modules:
        return
    profiles = {"这里": sys.modules["hypothesis"].settings()}
    for item in items:
        own = getattr(getattr(item, "obj", None), "_hypothesis_internal_use_settings", None)
        profiles |= {item.nodeid: own} if own else {}
    for where, settings in profiles.items():
        if not (settings.derandomize and settings.database is None):
            yield (
                f"{where} hypothesis 的例子每次不同。请用 derandomize=True、database=None"
                "（kb.proof.plugin 设的就是；别在 conftest 或者测试里改掉）。"
            )
            return


def left_out(root: Path, modules: list[str], items) -> Iterator[str]:
    """Functions that the source calls tests and pytest doesn't."""
    collected = {place for item in items if (place := place_of(item))}
    files = {file for file, _ in collected} | {str(root / module) for module in modules}
    for file in sorted(files):
        path = Path(file)
        if not path.is_relative_to(root):
            continue
        name = path.relative_to(root).as_posix()
        for qualname, lines in written_tests(path.read_bytes(), name in modules).items():
            if len(lines) > 1:
                lines = "、".join(map(str, lines))
                yield f"{name}:{lines} 行：{qualname} 写了几遍，只有最后一个会运行。改名。"
            elif (file, qualname) not in collected:
                yield f"{name}:{lines[0]}：{qualname} 没有被 pytest 收集，就没有运行。"
    for item in items:
        function, name = getattr(item, "function", None), getattr(item, "originalname", None)
        known = getattr(function, "__name__", name)
        if name != known and known.startswith("test"):
            yield f"{item.nodeid} 运行的是 {known}：{name} 后来又成了它。改名，或者删去一个。"


def code_of(item: pytest.Item) -> CodeType | None:
    return getattr(getattr(item, "function", None), "__code__", None)


def place_of(item: pytest.Item) -> tuple[str, str] | None:
    """File and qualified name of the function that an item is."""
    function = getattr(item, "function", None)
    if function is None:
        return None
    name = getattr(item, "originalname", None) or function.__name__
    owner = getattr(item, "cls", None)
    if owner is not None:
        owner = next(each for each in owner.__mro__ if name in vars(each))
        return inspect.getfile(owner), f"{owner.__qualname__}.{name}"
    return str(item.path), name


def written_tests(source: bytes, is_test_module: bool) -> dict[str, list[int]]:
    """Qualified name → the lines where a test of that name begins.

    A file that is no test module holds tests only in classes, which test modules take over.
    """
    found: dict[str, list[int]] = {}

    def look(body: list[ast.stmt], inside: str) -> None:
        for node in body:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                if node.name.startswith("test") and (inside or is_test_module):
                    found.setdefault(f"{inside}{node.name}", []).append(node.lineno)
                for each in ast.walk(node):
                    is_inner = isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef)) and each is not node
                    if is_inner and each.name.startswith("test_"):
                        found[f"{node.name} 里面的 {each.name}"] = [each.lineno]
            elif isinstance(node, ast.ClassDef):
                look(node.body, f"{inside}{node.name}.")
            else:  # if, try, with
                for part in (node, *getattr(node, "handlers", ())):
                    for name in ("body", "orelse", "finalbody"):
                        look(getattr(part, name, []), inside)

    look(ast.parse(source).body, "")
    return found


def device_parameter(item: pytest.Item | None) -> str | None:
    """"cpu" or "cuda"; None where it says neither: such a test is about any device."""
    found = getattr(getattr(item, "callspec", None), "params", {}).get("device")
    kind = str(found).partition(":")[0]
    return kind if kind in DEVICES else None


def reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Why it failed or was skipped, in one line."""
    if wasxfail := getattr(report, "wasxfail", None):
        return f"xfail：{wasxfail}"
    if isinstance(report.longrepr, tuple):
        return report.longrepr[2].removeprefix("Skipped: ")
    crash = getattr(report.longrepr, "reprcrash", None)
    text = crash.message if crash else str(report.longrepr)
    errors = re.findall(r"^E +(.*)", text, re.MULTILINE)
    return (errors or text.split("\n"))[0][:200]


def main(job: dict) -> None:
    root = Path(job["root"])
    try:
        originals = Originals(root, job["snippets"])
    except Exception as error:  # whatever the code does when it is imported
        where = traceback.extract_tb(error.__traceback__)[-1]
        problem = f"导入不了：{type(error).__name__}：{error}（{where.filename}:{where.lineno}）"
        write(job, {"tests": {}, "problems": [problem]})
        return
    calls = Calls(subjects_of(root, job["file"]))
    recorder = Recorder(root, job["modules"], originals, calls)
    hypothesis = ["-p", "_hypothesis_pytestplugin"] if has_hypothesis() else []
    code = pytest.main(
        [
            *OPTIONS,
            *hypothesis,
            f"--rootdir={root}",
            "-c",
            str(root / "pyproject.toml"),
            *(["--device", job["device"]] if job["device"] else []),
            *(str(root / module) for module in job["modules"]),
        ],
        plugins=[recorder],
    )
    result = recorder.result(code)
    write(job, result | {"machine": machine(job["device"]), "flows": flows_of(calls, recorder.snippets)})


def subjects_of(root: Path, file: str) -> dict[CodeType, list]:
    """What the regions of the topic's file are about; it has been imported."""
    module = sys.modules.get(module_name(file))
    source = (root / "snippets" / file).read_bytes()
    return find_subjects(source, read_file(root, file), module) if module else {}


def module_name(file: str) -> str:
    return ".".join(["snippets", *file.removesuffix(".py").split("/")])


def flows_of(calls: Calls, folder: str) -> dict[str, dict]:
    """Where nobody called anything, torch may never have been imported."""
    if not calls.seen:
        return {}
    from kb.evidence.flows import find_flows

    return find_flows(calls, folder)


def write(job: dict, result: dict) -> None:
    Path(job["result"]).write_text(json.dumps(result, ensure_ascii=False), "utf-8")


def has_hypothesis() -> bool:
    try:
        import hypothesis  # noqa: F401
    except ImportError:
        return False
    return True


if __name__ == "__main__":
    try:
        main(JOB)
    except Exception:
        traceback.print_exc()
        sys.exit(70)
