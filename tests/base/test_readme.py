"""README 的两条命令：写在哪里都一样，锁定的版本就是装上的版本。"""

import json
import re
import subprocess
import sys
from importlib.metadata import version

import pytest

from tests.kb.conftest import ROOT

README = (ROOT / "README.md").read_text("utf-8")
READ, TEST = re.findall(r"^```bash\n(python3 .*-m venv \.venv && .*-c constraints\.txt.*)\n```$", README, re.MULTILINE)


def test_ci_calls_the_test_command_as_it_stands():
    script = (ROOT / ".ci/run").read_text("utf-8").splitlines()
    assert script[-2:] == [TEST, ".venv/bin/kb check --rerun"]
    assert TEST.endswith("pytest -n auto --dist loadfile")


def test_powershell_does_the_same():
    commands = re.findall(r"^```powershell\n(.*)\n```$", README, re.MULTILINE)

    def steps(command):
        command = re.sub(r"if \(\$\?\) \{|\}|&&", ";", command)
        command = command.replace(".venv\\Scripts\\", ".venv/bin/").replace("python3", "python")
        return [step.strip() for step in command.split(";") if step.strip()]

    assert [steps(command) for command in commands] == [steps(READ), steps(TEST)]


@pytest.mark.parametrize("command", [READ, TEST])
def test_a_python_that_is_too_old_hears_it_in_chinese(command):
    (code,) = re.findall(r'^python3 -c "(.*?)" && python3 -m venv', command)
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0
    old = f"import sys; sys.version_info = (3, 10, 12); {code}"
    done = subprocess.run([sys.executable, "-X", "utf8", "-c", old], capture_output=True, encoding="utf-8")
    assert (done.returncode, done.stderr) == (1, "需要 Python 3.11 以上\n")


@pytest.mark.parametrize("command", [READ, TEST])
def test_everything_is_pinned(command):
    assert "-c constraints.txt" in command
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    assert all(re.fullmatch(r"#.*|[\w.-]+==[\w.]+", line) for line in lines)


def test_installed_versions_are_the_pinned_ones():
    lines = (ROOT / "constraints.txt").read_text("utf-8").split("# 只有 Linux")[0].splitlines()
    for line in lines[1:]:
        name, pinned = line.split("==")
        assert version(name).split("+")[0] == pinned


def test_the_table_of_speed_is_that_of_the_json():
    measured = json.loads((ROOT / "benchmarks/site.json").read_text("utf-8"))
    rows = re.findall(r"^\| (\d+) \| (\w+) \| ([\d. |]+) \|$", README, re.MULTILINE)
    assert {(count, engine) for count, engine, _ in rows} == {
        (count, engine) for count, engines in measured["ratios"].items() for engine in engines
    }
    for count, engine, shown in rows:
        of = measured["ratios"][count][engine]
        visible = measured["medians"][count][engine]["visible"] / measured["medians"][count]["hexo"]["cold"]
        expected = [of["cold"], of["rebuild"], visible, of["memory"], of["site"], of["index"]]
        assert shown.split(" | ") == [f"{value:.2f}" for value in expected]
    exponent = measured["growth"]["mkdocs"]["cold"]["exponent"]
    assert f"mkdocs 的指数 {exponent:.2f}" in README
