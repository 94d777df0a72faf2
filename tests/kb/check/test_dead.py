"""kb check：原文、私密、链接和图片；别的网站只在要求时问，一个地址问一次。"""

import json
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from click.testing import CliRunner

from kb.check.dead_links import check_addresses
from kb.check.everything import check_lock, check_private
from kb.check.remote import ascii_address, check_remote
from kb.cli.commands import main
from kb.notes.embedded import LOCK, fingerprint, lock_bytes, without_embeds
from kb.site.pages import write_pages
from tests.kb.lab import configure

EMBED = '``` {.python .embed}\n--8<-- "numbers.py:half"\n```\n\n'
NOTE = "---\ntitle: 题\n---\n\n正文\n"


def locked(project, text=NOTE, name="docs/posts/1.md"):
    path = project.write(name, text)
    entry = {name: fingerprint(without_embeds(path.read_bytes()))}
    (project.root / LOCK).write_bytes(lock_bytes(entry))
    write_pages(project.root)
    return path


class TestLock:
    def test_notes_as_they_were_written(self, project):
        locked(project, NOTE + "\n" + EMBED)
        assert check_lock(project.root) == []

    def test_a_changed_note(self, project):
        path = locked(project)
        path.write_bytes(path.read_bytes() + b" ")
        (problem,) = check_lock(project.root)
        assert problem.startswith("docs/posts/1.md：去掉嵌入块以后，不是登记的原文。自己改的，用 kb save 1 收下；")

    def test_a_note_that_is_gone(self, project):
        locked(project).unlink()
        (problem,) = check_lock(project.root)
        assert problem.startswith("notes.lock.json：docs/posts/1.md 登记了，却没有这个文件。")

    @pytest.mark.parametrize("name", ["docs/posts/2.md", "docs/posts/sub/2.md"])
    def test_a_note_that_is_not_locked(self, project, name):
        locked(project)
        project.write(name, NOTE)
        assert check_lock(project.root) == [
            f"{name}：没有在 notes.lock.json 里登记。用 kb add 添加作者的原文，就登记了；"
            f"它自己就是原文，用 kb save {'2' if name == 'docs/posts/2.md' else name}。"
        ]


@pytest.mark.parametrize("bom", ["", "\ufeff"])
@pytest.mark.parametrize("line", ["password: x", "published: false", "draft: true"])
def test_private_notes(project, line, bom):
    project.write("docs/posts/1.md", f"{bom}---\ntitle: 不许说\n{line}\n---\n")
    (problem,) = check_private(project.root)
    reason = "password" if "password" in line else line
    assert problem == (
        f"docs/posts/1.md：front matter 写着 {reason if reason != 'draft: true' else 'draft'}，"
        "是私密的，不能放在 docs/ 里。把文件移出 docs/。"
    )


def test_a_page_in_another_encoding(project):
    (project.root / "docs/x.md").write_bytes("笔记".encode("gb18030"))
    assert check_private(project.root) == ["docs/x.md：不是 UTF-8 编码。用作者的原文替换它。"]


def test_a_page_whose_front_matter_is_broken(project):
    project.write("docs/posts/1.md", "---\ntitle: [\n---\n")
    (problem,) = check_private(project.root)
    assert problem.startswith("docs/posts/1.md:3：front matter 不是正确的 YAML（")


class TestAddresses:
    @pytest.mark.parametrize(
        "text",
        [
            "[a](/posts/2/)",
            "[a](../2/)",
            "[a](2.md)",
            "[a](https://example.org) <x@example.org> [b](mailto:x@example.org)",
            "[a](#第一节) [b](#1-第一节)",
            "[a](/posts/2/#第二节)",
            "[a](#here)",
            "![](x.png)",
            "![](/img/y.png)",
            "<img src='x.png'>",
            "`[a](nowhere.md)`",
            "```\n![](nowhere.png)\n```",
            "![](data:image/png;base64,AAAA)",
        ],
    )
    def test_those_that_lead_somewhere(self, project, text):
        project.write("docs/posts/1/x.png", "")
        project.write("docs/img/y.png", "")
        project.write("docs/posts/2.md", "## [√] 第二节\n")
        project.write(
            "docs/posts/1.md", f"---\ntitle: x\n---\n\n## 第一节\n\n## 1 - 第一节\n\n<a id='here'></a>\n\n{text}\n"
        )
        found = check_addresses(project.root)
        assert (found.problems, found.remarks) == ([], [])

    @pytest.mark.parametrize(
        ("line", "text", "remark"),
        [
            (5, "[a](/posts/3/)", "链接 /posts/3/ 的目标不在本站。"),
            (6, "字\n字 [a](3.md)", "链接 3.md 的目标不在本站。"),
            (5, "- [a](#没有)", "链接 #没有：posts/1.md 里没有 没有 这一节。"),
            (5, "[a](2.md#没有)", "链接 2.md#没有：posts/2.md 里没有 没有 这一节。"),
            (5, "![](x.png)", "图片 x.png 的目标不在本站。"),
            (5, "![](图.png)", "图片 图.png 的目标不在本站。"),
            (6, "<div>\n<p><img src=x.png>\n</div>", "图片 x.png 的目标不在本站。"),
            (5, "> 字<a href='nowhere/'>a</a>", "链接 nowhere/ 的目标不在本站。"),
            (5, r"![](C:\Users\x.png)", r"图片 C:\Users\x.png 是一台电脑上的路径，网页上打不开。"),
            (5, "![](../../../../etc/passwd)", "图片 ../../../../etc/passwd 的目标不在本站。"),
        ],
    )
    def test_dead_ones(self, project, line, text, remark):
        project.write("docs/posts/2.md", "## 第二节\n")
        project.write("docs/posts/1.md", f"---\ntitle: x\n---\n\n{text}\n")
        found = check_addresses(project.root)
        assert (found.problems, found.remarks) == ([], [f"docs/posts/1.md:{line}：{remark}"])

    def test_ours_are_problems(self, project):
        project.write("docs/index.md", "# 首页\n\n[a](nowhere.md)\n")
        found = check_addresses(project.root)
        assert found.problems == ["docs/index.md:3：链接 nowhere.md 的目标不在本站。"]
        assert found.remarks == []


def test_what_html_loses_is_counted(project):
    project.write("docs/posts/1.md", NOTE + "\n<p class=a id=b>一</p> <b class=c style='position:fixed'>二</b>\n")
    project.write("docs/index.md", "<p class=ours>一</p>\n")
    assert check_addresses(project.root).remarks == ["笔记的 HTML 里有 3 个属性和样式在页面上去掉：class 2、position 1。"]


class Server(BaseHTTPRequestHandler):
    asked: Counter = Counter()
    over = threading.Event()
    """测试完了：一直不回答的才回答。"""

    def do_HEAD(self):
        self.asked[self.command, self.path] += 1
        if self.path.startswith("/hanging"):
            self.over.wait()
        code = {"/gone": 404, "/redirect": 302, "/to-gone": 302, "/round": 302}.get(self.path, 200)
        if self.path == "/only-get" and self.command == "HEAD":
            code = 405
        self.send_response(code)
        if code == 302:
            self.send_header("Location", {"/redirect": "/good", "/to-gone": "/gone"}.get(self.path, "/round"))
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_HEAD

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    Server.asked.clear()
    Server.over.clear()
    running = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    running.daemon_threads = True
    threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{running.server_port}"
    Server.over.set()
    running.shutdown()
    running.server_close()


class TestRemote:
    def test_what_servers_answer(self, server):
        names = ("good", "gone", "redirect", "to-gone", "only-get", "中文?q=图", "round")
        found = dict(check_remote([f"{server}/{name}" for name in names], seconds=600))
        assert found == {
            f"{server}/good": None,
            f"{server}/gone": "回答 404",
            f"{server}/redirect": None,
            f"{server}/to-gone": "回答 404",
            f"{server}/only-get": None,
            f"{server}/中文?q=图": None,
            f"{server}/round": "回答 302",
        }
        assert Server.asked["GET", "/%E4%B8%AD%E6%96%87?q=%E5%9B%BE"] == 0

    def test_a_server_that_never_answers(self, server):
        assert dict(check_remote([f"{server}/hanging"], seconds=0.2)) == {f"{server}/hanging": "0.2 秒没有回答"}
        assert Server.asked["GET", "/hanging"] == 0

    def test_no_server_and_no_address(self):
        assert dict(check_remote(["http://127.0.0.1:1/x", "http://[", f"http://{'长' * 70}.cn/"], seconds=600)) == {
            "http://127.0.0.1:1/x": "连不上",
            "http://[": "地址不对",
            f"http://{'长' * 70}.cn/": "地址不对",
        }

    def test_as_a_browser_sends_it(self):
        assert ascii_address("//例子.cn/图 1.png?q=字&a=%20#x") == (
            "https://xn--fsqu00a.cn/%E5%9B%BE%201.png?q=%E5%AD%97&a=%20"
        )

    def check(self, project, monkeypatch, *options):
        monkeypatch.chdir(project.root)
        project.write("docs/snippets/numbers.md", "# 自己的一页\n")
        return CliRunner().invoke(main, ["check", *options])

    def test_each_address_once_and_where_it_stands(self, project, monkeypatch, server):
        body = f"[a]({server}/gone#x)\n\n![]({server}/gone)\n\n[b]({server}/good) [c]({server}/good)\n"
        locked(project, NOTE + body)
        done = self.check(project, monkeypatch, "--remote")
        assert done.exit_code == 0, done.output
        assert f"注意：docs/posts/1.md:6：{server}/gone 打不开（回答 404）。\n" in done.output
        assert f"注意：docs/posts/1.md:8：{server}/gone 打不开（回答 404）。\n" in done.output
        assert "别的网站：2 个地址，1 个打不开。" in done.output
        assert Server.asked == {("HEAD", "/gone"): 1, ("GET", "/gone"): 1, ("HEAD", "/good"): 1}

    def test_nothing_is_asked_otherwise(self, project, monkeypatch, server):
        locked(project, NOTE + f"[a]({server}/gone)\n")
        done = self.check(project, monkeypatch)
        assert (done.exit_code, Server.asked) == (0, {})

    def test_a_dead_one_of_ours_fails(self, project, monkeypatch, server):
        locked(project)
        project.write("docs/index.md", f"# 首页\n\n[a]({server}/gone)\n")
        done = self.check(project, monkeypatch, "--remote", "--json")
        document = json.loads(done.stdout)
        assert done.exit_code == 1
        assert document["problems"] == [f"docs/index.md:3：{server}/gone 打不开（回答 404）。"]
        assert document["remote"] == {"asked": 1, "dead": 1}


def test_json(project, monkeypatch):
    monkeypatch.chdir(project.root)
    project.write("docs/snippets/numbers.md", "# 自己的一页\n")
    locked(project, NOTE + "[a](nowhere.md)\n")
    done = CliRunner().invoke(main, ["check", "--json"])
    assert done.stderr == ""
    assert json.loads(done.stdout) == {
        "ok": True,
        "problems": [],
        "remarks": ["docs/posts/1.md:6：链接 nowhere.md 的目标不在本站。"],
        "notes": 1,
        "states": {"cpu": {"未运行": 3}, "cuda": {"未运行": 3}},
    }
    project.write("snippets/numbers.py", "# --8<-- [start:half] 除以二\n")
    done = CliRunner().invoke(main, ["check", "--json"])
    assert (done.exit_code, done.stderr) == (1, "")
    assert "区域 half 没有结束" in json.loads(done.stdout)["error"]


def test_pages_made_from_notes(project, monkeypatch):
    monkeypatch.chdir(project.root)
    project.write("docs/snippets/numbers.md", "# 自己的一页\n")
    locked(project)
    assert CliRunner().invoke(main, ["check"]).exit_code == 0
    locked(project, NOTE.replace("题", "题\ntags: 新")).write_bytes(NOTE.encode())
    done = CliRunner().invoke(main, ["check"])
    assert done.exit_code == 1
    assert "这些页不再有内容：docs/tags/新.md。运行 kb pages" in done.stderr


def test_every_command_reports_what_is_wrong(project, monkeypatch):
    monkeypatch.chdir(project.root)
    project.write("docs/snippets/numbers.md", "# 自己的一页\n")
    locked(project).unlink()
    project.write("docs/index.md", "[a](nowhere.md)\n")
    project.write("docs/private.md", "---\npassword: x\n---\n")
    done = CliRunner().invoke(main, ["check"])
    assert done.exit_code == 1
    assert "没有这个文件" in done.stderr and "的目标不在本站" in done.stderr and "是私密的" in done.stderr
    assert done.stderr.endswith("错误：有 3 处不对。\n")


class TestNames:
    """[[名字]]：没有这篇笔记的，列出来，不算错。"""

    def test_those_of_no_note(self, project):
        project.write("docs/posts/2.md", "---\ntitle: 二\n---\n\n[[三]]，[[没有]]，![[也没有#节]]\n\n`[[代码]]`，[[#这里]]\n")
        project.write("docs/posts/3.md", "---\ntitle: 三\n---\n\n字\n")
        found = check_addresses(project.root)
        assert found.problems == []
        assert found.remarks == [
            "docs/posts/2.md:5：链接 [[没有]]：这里没有叫“没有”的笔记。",
            "docs/posts/2.md:5：链接 [[也没有#节]]：这里没有叫“也没有”的笔记。",
        ]

    def test_not_where_the_base_does_without(self, project):
        configure(project.root, without=["wikilinks"])
        project.write("docs/posts/2.md", "---\ntitle: 二\n---\n\n[[没有]]\n")
        assert check_addresses(project.root).remarks == []
