"""pytest plugin: `pytest --record-evidence` writes `evidence/<device>.json`.

It runs all of `tests/snippets/` and nothing else, one test after the other, and writes down
what happened: which tests ran to what end, what they asserted on which device, which lines
of `snippets/` they ran. Whatever could make that less than the whole truth about committed
code (a selection of tests, changed files, patched snippets) ends the recording, and nothing
is written. Without the option the plugin does nothing.
"""

import datetime
import importlib.metadata
import math
import platform
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kb.evidence import store
from kb.evidence.judge import State, judge_all
from kb.evidence.keys import TESTS, content_key, reach, read_inputs
from kb.evidence.lines import join, statements
from kb.evidence.refuse import (
    check_committed,
    check_invocation,
    check_loaded,
    check_patches,
    check_unchanged,
)
from kb.evidence.regions import read_all
from kb.evidence.store import DEVICES, RECORD
from kb.markdown.engine import BadInput


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--record-evidence",
        action="store_true",
        help="运行 tests/snippets/ 的全部测试，把结果写进 evidence/<设备>.json",
    )
    parser.addoption("--evidence-dir", metavar="文件夹", help="把证据写到这里，而不是 evidence/")


def pytest_configure(config: pytest.Config) -> None:
    if sys.flags.optimize:
        raise pytest.UsageError(
            "python -O 会跳过断言，测试就什么也没有测。不要用 -O，也不要设置 PYTHONOPTIMIZE。"
        )
    if config.getoption("record_evidence"):
        try:
            config.pluginmanager.register(Recorder(config), "kb-recorder")
        except BadInput as refusal:
            raise pytest.UsageError(f"不能记录证据：{refusal}") from None


class Recorder:
    def __init__(self, config: pytest.Config):
        self.root = config.rootpath.resolve()
        self.config = config
        check_invocation(config)
        self.coverage = start_coverage(self.root)
        self.files = read_all(self.root)
        self.inputs: dict[str, str] = {}
        for file in {region.partition(":")[0] for region in self.files}:
            self.inputs |= read_inputs(self.root, file)
        check_committed(self.root, self.inputs)
        check_patches(self.root, self.inputs)
        self.items: dict[str, pytest.Item] = {}
        self.tests: dict[str, dict] = {}
        self.facts: dict[str, list[dict]] = {}
        self.originals: dict[tuple[object, str], object] = {}
        self.refusal = ""
        self.folder = Path(config.getoption("evidence_dir") or self.root / "evidence")
        self.written: list[str] = []
        config.args[:] = [str(self.root / TESTS)]

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        """Before anything is deselected: what isn't run is missing, not forgotten."""
        self.items[item.nodeid] = item
        self.tests[item.nodeid] = {"outcome": "missing", "line": item.location[1] + 1}

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.skipped:  # a whole file
            self.tests[report.nodeid] = {"outcome": "skipped", "line": 1, "why": reason(report)}

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        settings = sys.modules.get("hypothesis") and sys.modules["hypothesis"].settings()
        if settings and not (settings.derandomize and settings.database is None):
            session.shouldstop = self.refusal = (
                "hypothesis 的例子每次不同。"
                "请用 derandomize=True、database=None 的 profile（kb.proof.plugin 设的就是；别在 conftest 里改掉）。"
            )
        self.originals = {
            (owner, name): value
            for name, module in sys.modules.items()
            if name.split(".")[0] == "snippets"
            for owner in (module, *classes_of(module))
            for name, value in vars(owner).items()
        }

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self) -> Iterator[None]:
        self.coverage.start()
        try:
            return (yield)
        finally:
            self.coverage.stop()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self.coverage.switch_context(item.nodeid)
        try:
            return (yield)
        finally:
            self.coverage.switch_context("")

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        result = yield
        for (owner, name), value in self.originals.items():
            if vars(owner).get(name) is not value and not self.refusal:
                self.refusal = (
                    f"{item.nodeid} 换掉了 {owner.__name__} 的 {name}，那就不是在测试原来的代码。"
                )
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        test = self.tests[report.nodeid]
        expected_to_fail = hasattr(report, "wasxfail")
        if report.failed:
            test |= {"outcome": "failed", "why": reason(report)}
        elif test["outcome"] != "failed" and (report.skipped or expected_to_fail):
            test |= {"outcome": "skipped", "why": reason(report)}
        elif report.when == "teardown":
            self.facts[report.nodeid] = [
                value for name, value in report.user_properties if name == "fact"
            ]
            if test["outcome"] == "missing":
                test["outcome"] = "passed"

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        try:
            self.write(exitstatus)
        except BadInput as refusal:
            self.refusal = str(refusal)
            if exitstatus == pytest.ExitCode.OK:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def write(self, exitstatus: int) -> None:
        if self.refusal:
            raise BadInput(self.refusal)
        if exitstatus not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            raise BadInput("这次运行没有从头到尾跑完。")
        loaded = check_loaded(self.root, self.inputs)
        check_unchanged(self.root, self.inputs)
        check_committed(self.root, [*self.inputs, *loaded])
        chosen = self.config.getoption("device", None)
        for device in [chosen] if chosen else DEVICES:
            if any(fact["device"] == device for facts in self.facts.values() for fact in facts):
                store.write(self.folder / f"{device}.json", self.document(device))
                self.written.append(device)
        if not self.written:
            raise BadInput("没有一个测试检验过张量，没有什么可以记录。")

    def document(self, device: str) -> dict:
        ran = self.lines_by_test()
        tests = {}
        for nodeid, test in self.tests.items():
            parameter = device_parameter(self.items.get(nodeid))
            if parameter in (device, None):
                facts = merge(
                    fact
                    for fact in self.facts.get(nodeid, [])
                    if fact["device"] == (device if parameter or fact["device"] else None)
                )
                tests[nodeid] = test | {"facts": facts, "ran": ran.get(nodeid, {})}
        modules = {nodeid.partition("::")[0] for nodeid in tests}
        return {
            "device": device,
            "recorded": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "command": RECORD
            + (f" --device {device}" if self.config.getoption("device", None) else ""),
            "environment": environment(device),
            "inputs": self.inputs,
            "regions": {name: self.region(name, modules, ran) for name in self.files},
            "tests": tests,
        }

    def region(self, name: str, modules: set[str], ran: dict[str, dict]) -> dict:
        region = self.files[name]
        path = f"snippets/{name.partition(':')[0]}"
        body = set(statements((self.root / path).read_bytes()).values())
        importing = {module for module in modules if path in reach(self.root, module)}
        running = {nodeid.partition("::")[0] for nodeid, files in ran.items() if path in files}
        return {
            "key": content_key(name, region.text, read_inputs(self.root, name.partition(":")[0])),
            "modules": sorted(importing | running & modules),
            "body": join(line for line in body if region.first <= line <= region.last),
        }

    def lines_by_test(self) -> dict[str, dict[str, str]]:
        """Test → path → the statements in function bodies that it ran."""
        found: dict[str, dict[str, set[int]]] = {}
        data = self.coverage.get_data()
        for file in data.measured_files():
            path = Path(file).relative_to(self.root).as_posix()
            first_lines = statements(Path(file).read_bytes())
            for line, contexts in data.contexts_by_lineno(file).items():
                for nodeid in contexts:
                    if nodeid and line in first_lines:
                        found.setdefault(nodeid, {}).setdefault(path, set()).add(first_lines[line])
        return {
            nodeid: {path: join(lines) for path, lines in files.items()}
            for nodeid, files in found.items()
        }

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.section("证据")
        if self.refusal:
            terminalreporter.write_line(f"没有写入证据：{self.refusal}", red=True)
            return
        for device in self.written:
            terminalreporter.write_line(f"已写入 {self.folder / device}.json")
            verdicts = judge_all(self.root, device, self.folder)
            verified = sum(verdict.state is State.VERIFIED for verdict in verdicts.values())
            terminalreporter.write_line(
                f"{DEVICES[device]}：{len(verdicts)} 段代码里 {verified} 段已验证"
            )
            for name, verdict in verdicts.items():
                if verdict.state is not State.VERIFIED:
                    terminalreporter.write_line(
                        f"  {name} {verdict.state.value}：{'；'.join(verdict.reasons)}", yellow=True
                    )


def start_coverage(root: Path):
    try:
        import coverage
    except ImportError:
        raise BadInput('没有安装 coverage。先安装测试端：pip install -e ".[test]"') from None
    measured = coverage.Coverage(
        data_file=None, config_file=False, include=[f"{root / 'snippets'}/*"], messages=False
    )
    measured.set_option("run:core", "ctrace")  # others stop looking at a line once it has run
    return measured


def classes_of(module: object) -> list[type]:
    return [
        value
        for value in vars(module).values()
        if isinstance(value, type) and value.__module__ == module.__name__
    ]


def device_parameter(item: pytest.Item | None) -> str | None:
    return getattr(getattr(item, "callspec", None), "params", {}).get("device")


def merge(facts: Iterator[dict]) -> list[dict]:
    """One of each kind, name and dtype, with the largest errors."""
    merged: dict[tuple[str, str, str], dict] = {}
    for fact in facts:
        known = merged.setdefault(
            (fact["kind"], fact["name"], fact["dtype"] or ""),
            {name: fact[name] for name in ("kind", "name", "dtype") if fact[name]},
        )
        for error in ("absolute", "relative"):
            value = fact.get(error)
            if value is not None and math.isfinite(value):
                known[error] = max(value, known.get(error, 0.0))
    return [merged[key] for key in sorted(merged)]


def reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Why it failed or was skipped, in one line."""
    if wasxfail := getattr(report, "wasxfail", None):
        return f"xfail：{wasxfail}"
    if isinstance(report.longrepr, tuple):
        return report.longrepr[2].removeprefix("Skipped: ")
    crash = getattr(report.longrepr, "reprcrash", None)
    return (crash.message if crash else str(report.longrepr)).split("\n")[0][:200]


def environment(device: str) -> dict:
    import torch

    packages = {
        name: importlib.metadata.version(name) for name in ("coverage", "hypothesis", "pytest")
    }
    processor, driver = cpu_model(), None
    if device == "cuda":
        processor = torch.cuda.get_device_name()
        driver = gpu_driver()
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "processor": processor,
        "driver": driver,
        "packages": packages | {"torch": torch.__version__},
    }


def gpu_driver() -> str | None:
    query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        return subprocess.run(
            query, capture_output=True, encoding="utf-8", check=True
        ).stdout.split("\n")[0]
    except (OSError, subprocess.CalledProcessError):
        return None


def cpu_model() -> str:
    """Its name, where the system tells it; or at least its kind."""
    info = Path("/proc/cpuinfo")
    names = (
        re.findall(r"^model name\s*: (.*)$", info.read_text("utf-8"), re.MULTILINE)
        if info.exists()
        else []
    )
    return names[0] if names else platform.processor() or platform.machine()
