"""测试怎样运行：没有 GPU 要说出来，跳过不算通过。"""

import os

import pytest

from tests.kb.lab import BYTECODE, ROOT
from tests.kb.warm import warm_module

TESTS = """
import pytest

def test_on(device):
    pass

@pytest.mark.parametrize("n", [1])
def test_skips(n):
    pytest.skip("缺了什么")
"""


@pytest.fixture
def run(tmp_path):
    (tmp_path / "test_it.py").write_text(TESTS, "utf-8")

    def run(*options):
        environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "PYTEST_ADDOPTS": ""}
        place = ("-c", str(ROOT / "pyproject.toml"), "--rootdir", str(tmp_path), str(tmp_path))
        return warm_module(ROOT, environment, BYTECODE, "pytest", *place, *options)

    return run


def test_the_summary_says_what_did_not_run_on_a_gpu(run):
    code, output = run()
    assert code == 0
    assert "1 passed, 1 skipped, 1 未在 GPU 上运行" in output.splitlines()[-1]


def test_no_skips_allows_only_the_gpus(run):
    code, output = run("--no-skips")
    assert code == 1
    assert "--no-skips 不允许跳过：Skipped: 缺了什么" in output
    assert "1 failed, 1 passed, 1 未在 GPU 上运行" in output.splitlines()[-1]


def test_no_skips_sees_whole_files_that_are_skipped(run, tmp_path):
    (tmp_path / "test_it.py").write_text("import pytest\npytest.importorskip('nothing_of_this_name')\n", "utf-8")
    assert "1 skipped" in run()[1]
    code, output = run("--no-skips")
    assert code != 0
    assert "--no-skips 不允许跳过" in output


def test_no_skips_leaves_expected_failures_alone(run, tmp_path):
    (tmp_path / "test_it.py").write_text(
        "import pytest\n@pytest.mark.xfail\ndef test_x():\n    assert False\n", "utf-8"
    )
    code, output = run("--no-skips")
    assert code == 0
    assert "1 xfailed" in output


def test_one_device_only(run):
    assert "1 passed, 1 skipped in" in run("--device", "cpu")[1]
    code, output = run("--device", "cuda")
    assert code == 1
    assert "本机没有 CUDA 设备，--device cuda 无法运行" in output
