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

    @pytest.mark.parametrize(
        "value",
        [
            *("true", "'true'", "True", "yes", "1", "是", "✅", "2024-01-01", "2024-01-01 08:00:00"),
            *("2023年1月20日", "2023年01月20日 08:00", "1673000000", "1673000000000", "Jul 08 2022", "July 8, 2022", "8 July 2022"),
        ],
    )
    def test_yes(self, value):
        assert why(f"published: {value}") is None

    @pytest.mark.parametrize("value", ["2099年1月20日", "4099000000", "Jul 08 2099"])
    def test_a_date_that_has_to_come(self, value):
        assert why(f"published: {value}") == "published（不是 true）"

    @pytest.mark.parametrize(
        ("lines", "private"),
        [(("source: x", "created: 2024-01-01"), False), (("source: x", "created: 2024-01-01", "draft: true"), True)],
    )
    def test_empty_from_the_web_clipper(self, lines, private):
        assert (why("published:", *lines) is not None) == private


class TestHidden:
    @pytest.mark.parametrize("key", ["draft", "private", "Private", "hidden", "unlisted", "headless", "encrypt"])
    def test_yes(self, key):
        for value in ("true", "'false'", "1", "x", "[a]"):
            assert why(f"{key}: {value}") == key.lower()

    @pytest.mark.parametrize("value", ["false", "no", "0", "", "null", "''", "[]", "否", "❌"])
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
            ("build: {render: link}", "build.render: link"),
            ("build:\n - render: never", "build.render: never"),
            ("cascade: {build: {render: never}}", "build.render: never"),
            ("status: skip", "status: skip"),
            ("status: auto-draft", "status: auto-draft"),
            ("status: Invisible", "status: invisible"),
            ("status: 'draft, wip'", "status: draft"),
            ("status: 整理中，草稿", "status: 草稿"),
            ("hideInList: true", "hideinlist"),
            ("keys: [e10adc3949ba59abbe56e057f20f883e]", "keys"),
            ("keys:", None),
            ("密码: x", "password"),
            ("草稿: 是", "草稿"),
            ("草稿: 否", None),
            ("加密: true", "加密"),
            ("isPrivate: true", "isprivate"),
            ("is_draft: true", "isdraft"),
            ("is_draft: false", None),
            ("is_published: false", "ispublished: false"),
            ("unpublished: true", "unpublished"),
            ("expired: true", "expired"),
            *((f"{key}: {no}", f"{key}: false") for key in ("visible", "permalink", "render") for no in ("false", "no", "否")),
            ("share: false", None),  # Minimal Mistakes：只是没有分享的按钮
            *((f"{key}: {other}", None) for key in ("visible", "permalink") for other in ("true", "", "/a/")),
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

    @pytest.mark.parametrize("day", ["2020-01-01", "2099-01-01"])
    def test_the_date_itself_in_what_only_tools_read_that_wait_for_it(self, day):
        reason = "date（还没到）" if day == "2099-01-01" else None
        for text in (f"+++\ndate = {day}\n+++\n", f"<!--\n.. date: {day} 08:00\n-->\n"):
            assert private_because(text, NOW) == reason
        assert why(f"date: {day}") is None

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
    "named in capitals": "---YAML\n{}: {}\n---\n正文\n",
    "wide blanks after": "---\u3000\u00a0\n{}: {}\n---\u3000\n正文\n",
    "invisible after": "---\u200b\n{}: {}\n---\n正文\n",
    "a comment after": "--- # 说明\n{}: {}\n---\n正文\n",
    "bare, broken": "title: [x\n{}: {}\n---\n正文\n",
    "bare, broken elsewhere": "title: x\n{}: {}\nnote: a: b\n---\n正文\n",
    "Nikola": "<!--\n.. title: x\n.. {}: {}\n-->\n正文\n",
    "Nikola, in a line": "<!-- .. {}: {} -->\n正文\n",
    "cascade": "---\ncascade:\n  {}: {}\n---\n正文\n",
    "cascades": "---\ncascade:\n- x: y\n- {}: {}\n---\n正文\n",
    "cascades in TOML": '+++\n[[cascade]]\n{} = "{}"\n+++\n正文\n',
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
        "{\\bf x}\n正文\n",
        "{1, 2} 是集合\n",
        "{{ x }}\n",
        "---\n\n正文\n",
        "---\n\n正文\n\n---\n\n正文\n",
        "---\n正文\n---\n",
        "<!-- 说明\n.. draft: true\n-->\n",
        "正文：[\n\ndraft: true\n---\n",
        "{% note %}\npassword: x\n{% endnote %}\n",
        "title: x\ndraft: false\n\npassword: x\n",
    ],
)
def test_public(text):
    assert private_because(text) is None


UNREADABLE = {
    "JavaScript": ("---js\n{password: 'x'}\n---\n", 1),
    "JavaScript after a blank": ("--- coffee\npassword: 'x'\n---\n", 1),
    "a word like YAML": ("---yamlx\npassword: x\n---\n", 1),
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
            ("{title: 'x'}\n", "front matter 不是正确的 JSON"),
            ("\n---\ntitle: x\n---\n", "front matter 要从第一行的 --- 开始"),
            ("---yaml\ntitle: x\n---\n", "front matter 要从第一行的 --- 开始"),
            ("---\rtitle: x\r---\r", "front matter 要从第一行的 --- 开始"),
            ("+++info x\n", "front matter 像是 TOML，但写法不合"),
            ("---\ntitle: x\ntags:\n\t- 甲\n---\n", "缩进用的是制表符，YAML 只认空格：换成空格"),
        ],
    )
    def test_of_what_cannot_be_read(self, project, monkeypatch, text, advice):
        monkeypatch.chdir(project.root)
        done = CliRunner().invoke(main, ["add", str(project.write("in/note.md", text))])
        assert done.exit_code == 1 and advice in done.output


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


@pytest.mark.parametrize("key", ["params", "cascade", "status", "x"])
def test_deep_json(key):
    for depth in (40, 400, 900):
        deep = f'{{"{key}":' * depth + "1" + "}" * depth
        try:
            assert private_because(f'{{"password": "x", "a": {deep}, "{key}": {deep}}}\n') == "password"
        except Unreadable:
            assert depth > 50


@pytest.mark.parametrize("above", ["---", "--- ", "---\u3000", "<!--", "{", "+++", "title: x\n---"])
@pytest.mark.parametrize("filling", [" ", "\n", "a", "-", "\u3000", ".. a: ", "[", "- "])
def test_much_of_anything_above_takes_no_time(above, filling):
    """二次方的话，这里要等几分钟。"""
    try:
        private_because(f"{above}{filling * 200_000}x\n")
    except Unreadable:
        pass


@pytest.mark.parametrize("link", ["_drafts/x.md", "in/x.md"])
def test_drafts_of_hexo(project, monkeypatch, link):
    monkeypatch.chdir(project.root)
    source = project.write("_drafts/x.md", "---\ntitle: x\nabbrlink: 1\n---\n[坏的")
    if link != "_drafts/x.md":
        (project.root / "in").mkdir()
        (project.root / link).symlink_to(source)
    done = CliRunner().invoke(main, ["add", link])
    assert (done.exit_code, "_drafts 1 篇" in done.output) == (0, True)


class TestBlog:
    """hexo-blog-encrypt 在博客的 _config.yml 里给标签设的密码。"""

    def add(self, project, monkeypatch, settings, tags, given="blog"):
        monkeypatch.chdir(project.root)
        project.write("blog/_config.yml", settings)
        project.write("blog/source/_posts/a/1.md", f"---\ntitle: 题\ntags: {tags}\n---\n\n正文\n")
        return CliRunner().invoke(main, ["add", given]).output

    @pytest.mark.parametrize("given", ["blog", "blog/source/_posts", "blog/source/_posts/a/1.md"])
    @pytest.mark.parametrize("tags", ["日记", "[学习, 日记]"])
    @pytest.mark.parametrize(
        "settings",
        ["encrypt:\n  tags:\n  - {name: x, password: y}\n  - {name: 日记, password: z}\n", '{"encrypt": {"tags": [{"name": "日记"}]}}'],
    )
    def test_of_such_a_tag(self, project, monkeypatch, settings, tags, given):
        output = self.add(project, monkeypatch, settings, tags, given)
        assert "私密的不收：标签（_config.yml 的 encrypt） 1 篇" in output and not (project.root / "docs/posts").exists()

    @pytest.mark.parametrize("settings", ["", "title: [坏的", "encrypt: true", "encrypt: {tags: 日记}", "encrypt: {tags: [日记]}"])
    def test_of_none(self, project, monkeypatch, settings):
        assert "已添加 1" in self.add(project, monkeypatch, settings, "日记")

    def test_settings_that_cannot_be_read(self, project, monkeypatch):
        output = self.add(project, monkeypatch, "encrypt: [坏的", "日记")
        assert "_config.yml：不是正确的 YAML，看不出它的 encrypt 给哪些标签设了密码，没有收" in output


def test_a_date_to_come_is_said(project, monkeypatch):
    monkeypatch.chdir(project.root)
    source = project.write("in/1.md", "---\ntitle: 题\ndate: 2099-01-01\n---\n")
    assert "注意：date 还没到，现在就公开" in CliRunner().invoke(main, ["add", str(source)]).output
