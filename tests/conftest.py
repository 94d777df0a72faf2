"""选设备，管跳过，报告没有 GPU 的运行。"""

import os

import hypothesis
import pytest

os.environ["PYTHONUTF8"] = "1"  # 子进程在 Windows 上也输出 UTF-8

DEVICES = ("cpu", "cuda")
NO_GPU = "本机没有 CUDA 设备"

hypothesis.settings.register_profile(
    "repeatable", derandomize=True, database=None, deadline=None, max_examples=25
)
hypothesis.settings.load_profile("repeatable")


def pytest_addoption(parser):
    parser.addoption(
        "--device",
        choices=DEVICES,
        help="只在这个设备上测试 snippets；默认：cpu，以及本机有的 cuda",
    )
    parser.addoption(
        "--screenshots",
        metavar="文件夹",
        help="把每个页面的截图（两种宽度，明与暗）存到这里",
    )
    parser.addoption(
        "--no-skips",
        action="store_true",
        help="除了因为没有 GPU，跳过的测试都算失败",
    )


def pytest_generate_tests(metafunc):
    if "device" in metafunc.fixturenames:
        chosen = metafunc.config.getoption("device")
        metafunc.parametrize("device", [chosen] if chosen else DEVICES, scope="session")


def pytest_runtest_setup(item):
    params = getattr(getattr(item, "callspec", None), "params", {})
    if params.get("device") == "cuda":
        import torch

        if not torch.cuda.is_available():
            if item.config.getoption("device") == "cuda":
                pytest.fail(f"{NO_GPU}，--device cuda 无法运行", pytrace=False)
            pytest.skip(NO_GPU)


def skipped_for_gpu(report):
    return report.skipped and NO_GPU in str(report.longrepr)


def refuse_skip(report, config):
    expected_to_fail = hasattr(report, "wasxfail")
    if report.skipped and config.getoption("no_skips") and not (skipped_for_gpu(report) or expected_to_fail):
        report.outcome = "failed"
        report.longrepr = f"--no-skips 不允许跳过：{report.longrepr[2]}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    return refuse_skip((yield), item.config)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    return refuse_skip((yield), collector.config)  # 整个文件被跳过


def pytest_report_teststatus(report):
    """没有 GPU 而没跑的测试自成一类，总结行里看得见，也不混在通过里。"""
    if skipped_for_gpu(report):
        return "未在 GPU 上运行", "g", "没有 GPU"
