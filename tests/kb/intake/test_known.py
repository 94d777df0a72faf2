"""没有写标题、日期的笔记：从标题行、文件名、git 来，登记下来，网址从此不变。"""

import subprocess
import zlib

import pytest
from click.testing import CliRunner

from kb.cli.commands import main
from kb.intake.known import kind_of, name_in
from kb.notes.embedded import read_lock
from kb.notes.library import read_library


def crc(title):
    return str(zlib.crc32(title.encode()))


@pytest.fixture
def taken(project, monkeypatch):
    """kb add 一个文件夹；返回网址 → (标题, 日期)。"""
    monkeypatch.chdir(project.root)

    def take(files, folder="in"):
        for name, text in files.items():
            project.write(f"{folder}/{name}", text)
        done = CliRunner().invoke(main, ["add", folder])
        take.output = done.output
        assert done.exit_code == 0, done.output
        return {note.path.stem: (note.title, note.date) for note in read_library(project.root)}

    return take


def test_where_title_and_date_come_from(taken):
    assert taken(
        {
            "2024-03-01-滑动平均.md": "正文\n",
            "注意力.md": "## 自注意力\n\n正文\n",
            "包/index.md": "正文\n",
            "2024-03-02.md": "今天\n",
            "全.md": "---\ntitle: 题\ndate: 2020-01-01\n---\n\n# 标题\n",
            "只有日期.md": "---\ndate: 2020-01-02\n---\n\n正文\n",
        }
    ) == {
        crc("滑动平均"): ("滑动平均", "2024-03-01"),
        crc("自注意力"): ("自注意力", None),
        crc("包"): ("包", None),
        crc("2024-03-02"): ("2024-03-02", "2024-03-02"),
        crc("题"): ("题", "2020-01-01"),
        crc("只有日期"): ("只有日期", "2020-01-02"),
    }


def test_not_a_byte_of_it_changes(taken, project):
    taken({"注意力.md": "\ufeff# 题\r\n\r\n正文"})
    assert (project.root / f"docs/posts/{crc('题')}.md").read_bytes() == "\ufeff# 题\r\n\r\n正文".encode()


def test_its_address_stays(taken, project):
    taken({"一.md": "# 从前\n\n很长的一行正文，后来没有变。\n"})
    assert taken({"一.md": "# 后来\n\n很长的一行正文，后来没有变。\n"}) == {crc("从前"): ("后来", None)}
    assert "已更新" in taken.output
    before = read_lock(project.root)
    taken({})
    assert "没有变化" in taken.output and read_lock(project.root) == before


def test_several_of_one_name(taken):
    found = taken({"甲/index.md": "# 题\n\n一\n", "乙/index.md": "# 题\n\n二\n", "丙.md": "---\ntitle: 题\n---\n三\n"})
    assert sorted(found) == [str(zlib.crc32("题".encode()) + number) for number in range(3)]
    assert taken({}) == found


def test_the_day_git_has_for_it(taken, project):
    project.write("in/一.md", "# 题\n")

    def git(*arguments):
        who = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *who, *arguments], cwd=project.root / "in", check=True, capture_output=True)

    git("init", "-q")
    git("add", "-A")
    git("commit", "-qm", "x", "--date", "2021-05-06T07:08:09+08:00")
    assert taken({"二.md": "# 又\n"}) == {crc("题"): ("题", "2021-05-06 07:08"), crc("又"): ("又", None)}
    assert "1 篇没有写 date" in taken.output


def test_what_begins_with_an_underscore_is_named(taken):
    taken({"一.md": "# 题\n", "_index.md": "# 首页\n", "_模板/二.md": "# 模板\n", "_posts/三.md": "# 三\n"})
    assert "_index.md、" in taken.output and "_模板：名字以 _ 开头，没有收。" in taken.output
    assert "三" in taken.output


def test_categories_of_hugo(taken, project):
    taken({"hugo.toml": "", "content/posts/一.md": "---\ntitle: 一\ncategories: [甲, 乙]\n---\n正文\n"})
    (note,) = read_library(project.root)
    assert note.categories == (("甲",), ("乙",))


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (("source/_posts/", "_config.yml"), "hexo"),
        (("_config.yml", "scaffolds/"), "hexo"),
        (("content/", "hugo.toml"), "hugo"),
        (("content/", "config.toml", "archetypes/", "templates/"), "hugo"),
        (("content/", "config.toml", "templates/"), "zola"),
        (("_posts/", "_config.yml"), "jekyll"),
        ((".obsidian/",), "obsidian"),
        (("mkdocs.yml", "docs/"), "mkdocs"),
        (("笔记/", "一.md"), ""),
    ],
)
def test_kinds_of_collections(tmp_path, names, kind):
    for name in names:
        (tmp_path / name).mkdir(parents=True) if name.endswith("/") else (tmp_path / name).write_text("")
    assert kind_of(tmp_path) == kind


@pytest.mark.parametrize(
    ("path", "title", "day"),
    [
        ("2024-03-01-x-y.md", "x-y", "2024-03-01"),
        ("2024-03-01 x.md", "x", "2024-03-01"),
        ("20240301_x.md", "x", "2024-03-01"),
        ("2024.03.01.md", "2024.03.01", "2024-03-01"),
        ("2024-13-01-x.md", "2024-13-01-x", ""),
        ("123456789.md", "123456789", ""),
        ("包/index.md", "包", ""),
        ("2024-03-01-包/README.md", "包", "2024-03-01"),
    ],
)
def test_names_of_files(tmp_path, path, title, day):
    assert name_in(tmp_path / path) == (title, day)
