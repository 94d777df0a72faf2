"""kb new：一个马上能用的知识库，没有本站的一个字；断了什么也不留下。"""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from types import SimpleNamespace

import pytest
import yaml

from kb.base import new, tool
from kb.base.new import Answers, make_base
from kb.base.tool import reachable
from kb.evidence.judge import State, judge_all
from kb.markdown.engine import BadInput
from tests.kb.lab import ROOT, Lab

OURS = ("注意力", "attention", "attn", "非局部", "non_local", "alec", "Alec", "681746266", "CC BY", "performance", "benchmarks")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """文件夹的名字有中文和空格；只读。"""
    root = tmp_path_factory.mktemp("new") / "我的 笔记"
    return Lab(make_base(root, Answers("我的“笔记”: 二 \\ #", "张三", "MIT")))


@pytest.fixture
def base(made, tmp_path):
    return made.copy(tmp_path / "库")


class TestWhatIsThere:
    def test_it_is_committed_whole(self, made):
        done = subprocess.run(["git", "status", "--porcelain"], cwd=made.root, capture_output=True, check=True)
        assert done.stdout == b""

    def test_no_word_of_ours(self, made):
        for path in made.root.rglob("*"):
            if path.is_file() and path.name != "constraints.txt" and path.suffix in (".md", ".py", ".yml", ".toml", ".json", ".txt"):
                text = path.read_text("utf-8")
                assert [word for word in OURS if word in text] == [], path

    def test_every_file_has_lf(self, made):
        for path in made.root.rglob("*"):
            if path.is_file() and ".git/" not in path.as_posix() and path.suffix != ".whl":
                assert b"\r" not in path.read_bytes(), path

    def test_the_versions_are_those_of_here(self, made):
        assert (made.root / "constraints.txt").read_text("utf-8") == (ROOT / "constraints.txt").read_text("utf-8")

    def test_the_title_is_written_as_it_is(self, made):
        settings = (made.root / "mkdocs.yml").read_text("utf-8")
        assert yaml.safe_load(settings.splitlines()[0])["site_name"] == "我的“笔记”: 二 \\ #"
        assert made.page("index.md").h1.text == "我的“笔记”: 二 \\ #"

    def test_the_note_says_whose_it_is(self, made):
        (note,) = (made.root / "docs/posts").glob("*.md")
        page = made.page(f"posts/{note.name}")
        assert "作者 张三" in page.text
        assert "MIT" in page.select_one(".note-foot").text

    def test_the_workflow_is_yaml_and_takes_nothing_from_elsewhere(self, made):
        workflow = yaml.safe_load((made.root / ".github/workflows/pages.yml").read_text("utf-8"))
        steps = workflow["jobs"]["site"]["steps"]
        assert [step["uses"] for step in steps if "uses" in step] == ["actions/checkout@v4", "actions/setup-python@v5"]
        assert steps[-1]["run"] == ".venv/bin/kb publish"

    def test_the_readme_names_commands_that_there_are(self, made):
        from kb.cli.commands import main

        named = set(re.findall(r"\bkb ([a-z]+)\b", (made.root / "README.md").read_text("utf-8")))
        assert named <= set(main.commands)


class TestItWorks:
    def test_the_example_is_verified_without_being_run(self, made):
        assert {name: each.state for name, each in judge_all(made.root, "cpu").items()} == dict.fromkeys(
            ["moving_average.py", "moving_average.py:moving_average"], State.VERIFIED
        ), "示例的证据过期了：python -m kb.base.example"

    def test_check_and_strict_builds(self, base):
        code, output = base.kb("check")
        assert code == 0, output
        for command in (("mkdocs", "build", "--strict"), ("zensical", "build", "--strict")):
            code, output = base.run("-m", *command)
            assert code == 0, output
        code, output = base.run("-X", "importtime", "-m", "kb", "check")
        assert not re.search(r"\| +torch$", output, re.MULTILINE), "读的一端不要 torch"

    def test_it_is_proven_anew(self, base):
        shutil.rmtree(base.root / "evidence")
        assert base.record("moving_average.py") == ""
        assert base.mutate("moving_average.py")[0] == 0
        assert judge_all(base.root, "cpu")["moving_average.py"].state is State.VERIFIED

    def test_its_tests_pass(self, base):
        code, output = base.run("-m", "pytest", "-q", "--device", "cpu")
        assert code == 0, output

    def test_without_the_example(self, base):
        (note,) = (base.root / "docs/posts").glob("*.md")
        assert base.kb("remove", note.stem)[0] == 0
        for path in ("snippets/moving_average.py", "tests/snippets/test_moving_average.py"):
            (base.root / path).unlink()
        shutil.rmtree(base.root / "evidence")
        assert base.kb("pages")[0] == 0
        code, output = base.kb("check")
        assert code == 0, output
        code, output = base.run("-m", "mkdocs", "build", "--strict")
        assert code == 0, output


class TestRefusals:
    def test_a_folder_with_something_in_it(self, tmp_path):
        (tmp_path / "x").mkdir()
        (tmp_path / "x/mine.txt").write_text("我的", "utf-8")
        with pytest.raises(BadInput, match="里已经有东西，没有动它"):
            make_base(tmp_path / "x", Answers("x"))
        assert os.listdir(tmp_path) == ["x"]
        assert os.listdir(tmp_path / "x") == ["mine.txt"]

    def test_an_empty_folder_will_do(self, tmp_path):
        (tmp_path / "x").mkdir()
        make_base(tmp_path / "x", Answers("x"))
        assert (tmp_path / "x/mkdocs.yml").exists()
        assert os.listdir(tmp_path) == ["x"]

    @pytest.mark.parametrize("title", ["", "  ", "一\n二", "长" * 101])
    def test_titles(self, tmp_path, title):
        with pytest.raises(BadInput, match="标题应是一行字"):
            make_base(tmp_path / "x", Answers(title))
        assert os.listdir(tmp_path) == []

    def test_without_git(self, tmp_path, monkeypatch):
        monkeypatch.setenv("PATH", "")
        with pytest.raises(BadInput, match="找不到 git。先装好它"):
            make_base(tmp_path / "x", Answers("x"))

    def test_where_git_knows_nobody(self, tmp_path, monkeypatch):
        for name in ("HOME", "XDG_CONFIG_HOME"):
            monkeypatch.setenv(name, str(tmp_path))
        monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        root = make_base(tmp_path / "x", Answers("x"))
        done = subprocess.run(["git", "log", "--format=%an"], cwd=root, capture_output=True, encoding="utf-8")
        assert done.stdout == "kb\n"

    @pytest.mark.parametrize("stop", ["write_pages", "commit", "provide"])
    def test_an_interrupted_one_leaves_nothing(self, tmp_path, monkeypatch, stop):
        def interrupt(*_):
            raise KeyboardInterrupt

        monkeypatch.setattr(new, stop, interrupt)
        with pytest.raises(KeyboardInterrupt):
            make_base(tmp_path / "x", Answers("x"))
        assert os.listdir(tmp_path) == []


class TestWhereTheToolIsFrom:
    @pytest.mark.parametrize(
        ("origin", "address"),
        [
            ({}, None),
            ({"url": "file:///home/x/kb", "dir_info": {"editable": True}}, None),
            ({"url": "file:///home/x/kb.whl", "archive_info": {}}, None),
            ({"url": "https://x.example/kb.whl", "archive_info": {}}, "https://x.example/kb.whl"),
            (
                {"url": "https://x.example/kb.git", "vcs_info": {"vcs": "git", "commit_id": "abc"}},
                "git+https://x.example/kb.git@abc",
            ),
            (
                {"url": "https://x.example/a.git", "vcs_info": {"vcs": "git", "commit_id": "abc"}, "subdirectory": "kb"},
                "git+https://x.example/a.git@abc#subdirectory=kb",
            ),
        ],
    )
    def test_by_pep_610(self, origin, address):
        assert reachable(origin) == address

    def test_an_address_is_named(self, tmp_path):
        root = make_base(tmp_path / "x", Answers("x", tool="git+https://x.example/kb.git@v1"))
        assert '"evidence-notes @ git+https://x.example/kb.git@v1"' in (root / "pyproject.toml").read_text("utf-8")
        assert not (root / "vendor").exists()
        assert "--find-links" not in (root / "README.md").read_text("utf-8")

    @pytest.mark.parametrize("path", ["nowhere.whl", "other-1.0-py3-none-any.whl", "folder"])
    def test_what_is_no_tool(self, tmp_path, path):
        (tmp_path / "other-1.0-py3-none-any.whl").write_bytes(b"")
        with pytest.raises(BadInput, match="--tool 应是"):
            make_base(tmp_path / "x", Answers("x", tool=str(tmp_path / path)))
        assert not (tmp_path / "x").exists()

    def test_the_wheel_is_one(self, made):
        (path,) = (made.root / "vendor").glob("*.whl")
        with zipfile.ZipFile(path) as wheel:
            names = wheel.namelist()
            record = wheel.read(next(name for name in names if name.endswith("/RECORD"))).decode()
        assert {name.split("/")[0].split("-")[0] for name in names} == {"kb", "evidence_notes"}
        assert len(record.splitlines()) == len(names)
        assert {"kb/theme/main.html", "kb/base/template/mkdocs.yml", "kb/evidence/schema.json"} <= set(names)
        assert any(name.endswith("/entry_points.txt") for name in names)

    def test_it_can_be_installed_and_run(self, made, tmp_path):
        """从 vendor/ 装到别处，不联网：工具就在那里。"""
        (path,) = (made.root / "vendor").glob("*.whl")
        command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", tmp_path, path]
        done = subprocess.run(command, capture_output=True, encoding="utf-8")
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "kb/theme/main.html").exists()
        assert "kb = kb.cli.commands:main" in next(tmp_path.glob("*.dist-info/entry_points.txt")).read_text("utf-8")

    def test_the_same_files_give_the_same_wheel(self, tmp_path):
        found = tool.distribution()
        one, other = (tool.write_wheel(tmp_path / name, found).read_bytes() for name in "ab")
        assert one == other

    def test_an_installation_that_says_nothing(self, monkeypatch):
        nothing = SimpleNamespace(read_text=lambda name: None)
        monkeypatch.setattr(tool.importlib.metadata, "distributions", lambda **_: [nothing])
        with pytest.raises(BadInput, match="用 --tool 写上它的地址"):
            tool.distribution()


def test_the_command_takes_all_answers_as_options(tmp_path):
    arguments = ["new", "库", "--title", "题", "--author", "李四", "--licence", "CC0 1.0"]
    done = subprocess.run(
        [sys.executable, "-m", "kb", *arguments],
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONUTF8": "1", "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stderr
    assert "mkdocs serve" in done.stdout
    (entry,) = [
        each for name, each in json.loads((tmp_path / "库/notes.lock.json").read_text("utf-8")).items() if "/" in name
    ]
    assert (entry["author"], entry["licence"]) == ("李四", "CC0 1.0")
