"""私密的判断：front matter 清楚地公开才公开；哪种工具的写法、哪种格式、怎么变着样子写都一样。"""

from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from kb.check.everything import check_private
from kb.cli.commands import main
from kb.markdown.engine import BadInput
from kb.notes.any_front_matter import Unreadable
from kb.notes.embedded import read_lock
from kb.notes.private import private_because

NOW = datetime(2026, 11, 26, 4, 0, tzinfo=UTC)


def why(*lines, now=NOW):
    return private_because("\n".join(["---", "title: 题", *lines, "---", "", "正文", ""]), now)


class TestPassword:
    @pytest.mark.parametrize("value", ["x", "000", "0", "false", "'False'", "' '", "[]", "{a: b}", "'null'", "|\n  x"])
    def test_anything_is_one(self, value):
        assert why(f"password: {value}") == "password"

    @pytest.mark.parametrize("value", ["", "''", '""', "null", "~", "  # 没有"])
    def test_nothing_is_none(self, value):
        assert why(f"password: {value}") is None

    @pytest.mark.parametrize(
        "key", ["Password", "PASSWORD", "' password '", '"pass\\u0077ord"', "? password\n", "pass_word", "ｐａｓｓｗｏｒｄ", "pwd"]
    )
    def test_however_the_key_is_written(self, key):
        assert why(f"{key}: x") == "password"

    @pytest.mark.parametrize("lines", [("password: x", "password: ''"), ("password: ''", "Password: x")])
    def test_any_of_several_counts(self, lines):
        assert why(*lines) == "password"

    @pytest.mark.parametrize(
        "lines", [("<<: {password: x}",), ("a: &a {password: x}", "<<: [*a]"), ("a: &a x", "password: *a")]
    )
    def test_through_an_alias(self, lines):
        assert why(*lines) == "password"


class TestPublished:
    @pytest.mark.parametrize("key", ["published", "publish", "Publish", "public", "dg-publish"])
    @pytest.mark.parametrize("value", ["false", '"false"', "False", "0", "'0'", "no", "off", "n", "N", "[false]"])
    def test_no(self, key, value):
        assert why(f"{key}: {value}").endswith(": false")

    @pytest.mark.parametrize("value", ["", "null", "maybe", "[]", "[true, maybe]", "{a: b}", "2099-01-01"])
    def test_what_is_not_clearly_a_yes(self, value):
        assert why(f"published: {value}") == "published（不是 true）"

    @pytest.mark.parametrize("value", ["true", "'true'", "True", "yes", "1", "2024-01-01", "2024-01-01 08:00:00"])
    def test_yes(self, value):
        assert why(f"published: {value}") is None


class TestHidden:
    @pytest.mark.parametrize("key", ["draft", "private", "Private", "hidden", "unlisted", "headless", "encrypt"])
    def test_yes(self, key):
        for value in ("true", "'false'", "1", "x", "[a]"):
            assert why(f"{key}: {value}") == key.lower()

    @pytest.mark.parametrize("value", ["false", "no", "0", "", "null", "''"])
    def test_no(self, value):
        assert why(f"draft: {value}") is None

    @pytest.mark.parametrize(
        ("line", "reason"),
        [
            ("visibility: private", "visibility: private"),
            ("visibility: friends", "visibility"),
            ("visibility: public", None),
            ("status: Draft", "status: draft"),
            ("status: [私密]", "status: 私密"),
            ("post_status: private", "poststatus: private"),
            ("status: 已完成", None),
            ("status: {a: b}", None),
            ("build: {render: never}", "build.render: never"),
            ("_build:\n  render: never", "build.render: never"),
            ("build.render: never", "build.render: never"),
            ("build: {list: never}", "build.list: never"),
            ("build: {render: always}", None),
            ("params: {password: x}", "password"),
        ],
    )
    def test_in_other_words(self, line, reason):
        assert why(line) == reason

    @pytest.mark.parametrize("line", ["hide: true", "comments: false", "toc: false", "top: false", "sitemap: false"])
    def test_what_says_nothing_of_it(self, line):
        assert why(line) is None


class TestTimes:
    @pytest.mark.parametrize("key", ["publishDate", "publishdate", "publish_date", "pubDate"])
    @pytest.mark.parametrize(
        ("value", "has_come"),
        [
            ("2020-01-01", True),
            ("2099-1-1", False),
            ("2026-11-26 11:59:59", True),  # 没有写时区的是东八区
            ("2026-11-26 12:00:01", False),
            ("2026-11-26T04:00:01Z", False),
            ("2026-11-26T03:59:59+00:00", True),
            ("2026-11-26 03:30:00 -0100", False),
            ("'2020/01/01'", True),
            ("soon", False),
            ("2023-13-45", False),
            ("", True),
        ],
    )
    def test_one_that_has_to_come(self, key, value, has_come):
        assert (why(f"{key}: {value}") is None) == has_come

    @pytest.mark.parametrize(
        ("value", "passed"), [("2020-01-01", True), ("2099-01-01", False), ("soon", True), ("", False)]
    )
    def test_one_that_must_not_have_passed(self, value, passed):
        assert (why(f"expiryDate: {value}") is not None) == passed

    def test_it_is_judged_by_the_clock(self):
        tomorrow = (datetime.now(UTC) + timedelta(days=2)).isoformat()
        assert why(f"publishDate: {tomorrow}", now=None) == "publishDate（还没到）"


FORMS = {
    "byte order mark": "\ufeff---\n{}: {}\n---\n正文\n",
    "two of them": "\ufeff\ufeff---\n{}: {}\n---\n正文\n",
    "empty lines above": "\n \n---\n{}: {}\n---\n正文\n",
    "CRLF": "---\r\n{}: {}\r\n---\r\n正文\r\n",
    "CR": "---\r{}: {}\r---\r正文\r",
    "blanks after": "--- \t\n{}: {}\n--- \n正文\n",
    "named": "---yaml\n{}: {}\n---\n正文\n",
    "longer": "-----\n{}: {}\n-----\n正文\n",
    "closed by a longer line": "---\n{}: {}\n----\n正文\n",
    "closed by dots": "---\n{}: {}\n...\n正文\n",
    "after dots": "---\ntitle: x\n...\n{}: {}\n---\n正文\n",
    "after nothing": "---\n---\n{}: {}\n---\n正文\n",
    "not closed by a line end": "---\n{}: {}\n---",
    "bare, to an empty line": "title: x\n{}: {}\n\n正文\n",
    "bare, to dashes": "title: x\nlist:\n- a\n{}: {}\n---\n正文\n",
    "bare, in two lines": "{}:\n    {}\n\n正文\n",
    "TOML": '+++\ntitle = "x"\n{} = "{}"\n+++\n正文\n',
    "TOML by name": '---toml\n{} = "{}"\n---\n正文\n',
    "TOML, CRLF": '+++\r\n{} = "{}"\r\n+++\r\n',
    "JSON": '{{"title": "x",\n"{}": "{}"}}\n\n正文\n',
    "JSON, twice": '{{"{0}": "{1}", "{0}": ""}}\n\n正文\n',
    "JSON, indented": '\n  {{\n  "{}": "{}"\n}}\n\n正文\n',
    "JSON by semicolons": '"title": "x",\n"{}": "{}"\n;;;\n正文\n',
    "JSON between semicolons": ';;;\n{{"{}": "{}"}}\n;;;\n正文\n',
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("key", "value"), [("password", "x"), ("Published", "false"), ("visibility", "private")])
class TestForms:
    def test_private(self, form, key, value):
        assert private_because(FORMS[form].format(key, value)) is not None

    def test_is_never_taken_in(self, form, key, value, project, monkeypatch):
        monkeypatch.chdir(project.root)
        source = project.write("in/note.md", FORMS[form].format(key, value))
        done = CliRunner().invoke(main, ["add", str(source)])
        assert "私密未收 1" in done.output and "正文" not in done.output
        assert not (project.root / "docs/posts").exists() and read_lock(project.root) == {}

    @pytest.mark.parametrize("name", ["posts/1.md", "about.md", "deep/er/page.md"])
    def test_ends_the_build_and_the_check(self, form, key, value, name, project):
        with pytest.raises(BadInput, match=rf"docs/{name}：.*移出 docs/"):
            project.render(FORMS[form].format(key, value), name)
        assert f"docs/{name}：front matter 写着" in check_private(project.root)[0]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# 标题\n\n正文\n",
        "正文\n\n---\n\n正文\n",
        "说明：password\n\n正文\n",
        "---\n---\n\n正文\n",
        "---\ntitle: x\n---\n\npassword: x\n\n---\n",
        '+++\ntitle = "x"\ndraft = false\n+++\n',
        '{"title": "x", "draft": false}\n',
        "{% note %}\npassword: x\n{% endnote %}\n",
        "title: x\ndraft: false\n\npassword: x\n",
    ],
)
def test_public(text):
    assert private_because(text) is None


UNREADABLE = {
    "not closed": ("---\ntitle: x\n\n正文\n", 1),
    "bad YAML": ("---\ntitle: x\ntags: [\n---\n", 4),
    "a tab": ("---\ntitle: x\ntags:\n\t- a\n---\n", 4),
    "a list": ("---\n- a\n---\n", 2),
    "text": ("---\npassword=x\n---\n", 2),
    "NUL": ("---\ntitle: \x00\n---\n", 2),
    "half a character": ('---\na: 1\ntitle: "\\ud800"\n---\n', 3),
    "too deep": (f"---\ntitle: x\na: {'[' * 51}{']' * 51}\n---\n", 3),
    "far too deep": (f"---\na: {'[' * 60_000}\n---\n", 2),
    "too long": ("---\n" + "a: 1\n" * 30_000 + "---\n", 2),
    "bad TOML": ("+++\na = 1\nb\n+++\n", 3),
    "TOML with a key twice": ("+++\npassword = ''\npassword = 'x'\n+++\n", 3),
    "deep TOML": (f"+++\na = {'[' * 9000}\n+++\n", 2),
    "bad JSON": ('{\n"a": 1,\n}\n', 3),
    "deep JSON": ('{"a":' * 9000, 1),
}


@pytest.mark.parametrize("kind", UNREADABLE)
class TestUnreadable:
    def test_names_the_line(self, kind):
        text, line = UNREADABLE[kind]
        with pytest.raises(Unreadable) as error:
            private_because(text)
        assert error.value.line == line
        with pytest.raises(Unreadable) as error:
            private_because("\ufeff\n\n" + text.replace("\n", "\r\n"))
        assert error.value.line == line + 2

    def test_is_private(self, kind, project, monkeypatch):
        monkeypatch.chdir(project.root)
        text, line = UNREADABLE[kind]
        source = project.write("in/note.md", text)
        done = CliRunner().invoke(main, ["add", str(source)])
        assert done.exit_code == 1
        assert f"没有添加：{source}:{line}：front matter " in done.output and "改正后再添加" in done.output
        assert not (project.root / "docs/posts").exists()
        project.write("docs/about.md", text)
        assert check_private(project.root)[0].startswith(f"docs/about.md:{line}：front matter ")


class TestAdvice:
    """说怎么办的话，照着做不会把私密的放出来。"""

    @pytest.mark.parametrize(
        ("text", "advice"),
        [
            ("+++\ntitle = 'x'\n+++\n", "front matter 是 TOML，还收不了。把它整个改写成 YAML"),
            ('{"title": "x"}\n', "front matter 是 JSON，还收不了。把它整个改写成 YAML"),
            ("\n---\ntitle: x\n---\n", "front matter 要从第一行的 --- 开始"),
            ("---yaml\ntitle: x\n---\n", "front matter 要从第一行的 --- 开始"),
            ("---\rtitle: x\r---\r", "front matter 要从第一行的 --- 开始"),
            ("# 题\n", "没有 front matter。在文件最前面加上这几行"),
        ],
    )
    def test_of_what_is_not_taken_in_yet(self, project, monkeypatch, text, advice):
        monkeypatch.chdir(project.root)
        done = CliRunner().invoke(main, ["add", str(project.write("in/note.md", text))])
        assert done.exit_code == 1 and advice in done.output
        assert ("在文件最前面加上" in done.output) == (text == "# 题\n")


@pytest.mark.parametrize("name", ["posts/1.MD", "posts/1.markdown", "x.mkd"])
def test_files_that_are_markdown_by_another_name(project, name):
    project.write(f"docs/{name}", "---\npassword: x\n---\n")
    assert check_private(project.root)[0].startswith(f"docs/{name}：front matter 写着 password")


def test_many_merged_mappings_take_no_time():
    """二的六十次方次合并。"""
    lines = ["a0: &a0 {x: 1}"]
    lines += [f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}], y: *a{n - 1}}}" for n in range(1, 60)]
    assert why(*lines, "<<: *a59") is None
    assert why(*lines, "<<: [*a59, {password: x}]") == "password"


@pytest.mark.parametrize("link", ["_drafts/x.md", "in/x.md"])
def test_drafts_of_hexo(project, monkeypatch, link):
    monkeypatch.chdir(project.root)
    source = project.write("_drafts/x.md", "---\ntitle: x\nabbrlink: 1\n---\n[坏的")
    if link != "_drafts/x.md":
        (project.root / "in").mkdir()
        (project.root / link).symlink_to(source)
    done = CliRunner().invoke(main, ["add", link])
    assert (done.exit_code, "_drafts 1 篇" in done.output) == (0, True)
