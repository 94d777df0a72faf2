"""pytest plugin of a base's tests: devices, dtypes, seeds, and skips that nobody overlooks.

| fixture | is |
|---|---|
| `device` | "cpu", and "cuda" where there is one; `--device` chooses |
| `dtype` | each of `kb.proof.DTYPES` |
| `seed` | the number that torch's random numbers begin with, from the test's name: every test has it |
"""

import contextlib
import os
import random
import sys
import zlib
from collections.abc import Iterator

import pytest

from kb.proof import children

os.environ["PYTHONUTF8"] = "1"  # children write UTF-8 on Windows too

if workers := int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 0)):  # before torch is imported
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // workers)))

DEVICES = ("cpu", "cuda")
NO_GPU = "本机没有 CUDA 设备"

with contextlib.suppress(ImportError):  # a base may do without hypothesis
    import hypothesis

    hypothesis.settings.register_profile(  # the same examples in every run
        "repeatable", derandomize=True, database=None, deadline=None, max_examples=25
    )
    hypothesis.settings.load_profile("repeatable")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--device",
        choices=DEVICES,
        help="只在这个设备上测试 snippets；默认：cpu，以及本机有的 cuda",
    )
    parser.addoption(
        "--no-skips",
        action="store_true",
        help="除了因为没有 GPU，跳过的测试都算失败",
    )


def pytest_configure(config: pytest.Config) -> None:
    children.ROOT[:] = [config.rootpath]
    if hasattr(config.option, "loadscopereorder"):  # xdist would take the files with most tests first
        config.option.loadscopereorder = False  # and not the slowest, as a conftest may put them


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    marks = list(metafunc.definition.iter_markers("parametrize"))
    written = {name for mark in marks for name in names_of(mark)}
    if "device" in metafunc.fixturenames and "device" not in written:
        chosen = metafunc.config.getoption("device")
        metafunc.parametrize("device", [chosen] if chosen else DEVICES, scope="session")
    if "dtype" in metafunc.fixturenames and "dtype" not in written:
        from kb.proof import DTYPES

        metafunc.parametrize("dtype", DTYPES, ids=str)


def names_of(mark: pytest.Mark) -> list[str]:
    names = mark.args[0] if mark.args else mark.kwargs["argnames"]
    return [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)


@pytest.fixture(autouse=True)
def seed(request: pytest.FixtureRequest) -> int:
    """Random numbers depend on the name of the test, not on what ran before it."""
    number = zlib.crc32(request.node.nodeid.encode())
    random.seed(number)
    if torch := sys.modules.get("torch"):
        if torch.cuda.is_available():
            torch.manual_seed(number)
        else:  # the same for the CPU: what is for later devices would note the stack, for each test
            torch.default_generator.manual_seed(number)
        torch.backends.cudnn.allow_tf32 = False  # convolutions with 10 bits, as is the default
    return number


def pytest_runtest_setup(item: pytest.Item) -> None:
    params = getattr(getattr(item, "callspec", None), "params", {})
    if params.get("device") == "cuda":
        import torch

        if not torch.cuda.is_available():
            if item.config.getoption("device") == "cuda":
                pytest.fail(f"{NO_GPU}，--device cuda 无法运行", pytrace=False)
            pytest.skip(NO_GPU)


def skipped_for_gpu(report: pytest.TestReport | pytest.CollectReport) -> bool:
    return report.skipped and NO_GPU in str(report.longrepr)


def refuse_skip(report, config: pytest.Config):
    expected_to_fail = hasattr(report, "wasxfail")
    allowed = skipped_for_gpu(report) or expected_to_fail
    if report.skipped and config.getoption("no_skips") and not allowed:
        report.outcome = "failed"
        report.longrepr = f"--no-skips 不允许跳过：{report.longrepr[2]}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    return refuse_skip((yield), item.config)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[None]:
    return refuse_skip((yield), collector.config)  # a whole file


def pytest_report_teststatus(report) -> tuple[str, str, str] | None:
    """What had no GPU is counted by itself, not among what passed."""
    if skipped_for_gpu(report):
        return "未在 GPU 上运行", "g", "没有 GPU"
    return None
