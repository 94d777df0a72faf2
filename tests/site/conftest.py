"""构建一次站点，在本机起一个服务，用真正的 Chromium 打开。"""

import functools
import http.server
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from bs4 import BeautifulSoup

from tests.kb import hostile

ROOT = Path(__file__).parents[2]
NOTE = "posts/681746266/"


def chromium():
    """Launch options for the Chromium of this machine, None where there is none."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
    found = next(filter(None, map(shutil.which, names)), None)
    return {"executable_path": found} if found else None


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The folder of the built site: `mkdocs build --strict` passes."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "-f", ROOT / "mkdocs.yml", "-d", folder],
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="session")
def read(site):
    """A page of the built site, parsed."""

    @functools.cache
    def read(address):
        return BeautifulSoup((site / address / "index.html").read_text("utf-8"), "html.parser")

    return read


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture(scope="session")
def address(site):
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(QuietHandler, directory=site)
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def browser():
    options = chromium()
    if options is None:
        pytest.skip("没有找到 Chromium（chromium、google-chrome 或 msedge）")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(args=["--disable-background-networking"], **options)
        yield browser
        browser.close()


PATIENCE = 180
"""秒：等到这么久，就是卡住了，不是机器忙。"""


class Tab:
    """A page in the browser that records what it asks other servers for.

    Other servers don't answer, unless `pictures` gives what they answer with.
    """

    def __init__(self, browser, address, width=1280, scheme="light", pictures=None, **options):
        self.context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, locale="zh-CN", **options
        )
        self.page = self.context.new_page()
        self.page.set_default_timeout(1000 * PATIENCE)
        self.address = address
        self.asked = []
        self.errors = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))

        def elsewhere(route):
            self.asked.append(urlsplit(route.request.url).netloc)
            if pictures:
                route.fulfill(body=pictures, content_type="image/svg+xml")
            else:
                route.abort()

        self.page.route(lambda url: not url.startswith(address), elsewhere)

    def open(self, path):
        self.page.goto(self.address + path)
        return self.page

    def close(self):
        """Where a request is on its way to `elsewhere`, closing would wait for it, and it for this."""
        self.page.unroute_all(behavior="ignoreErrors")
        self.context.close()

    def read_to_the_end(self):
        """Scroll through the page, so that lazy pictures are asked for: each screen is drawn."""
        self.page.evaluate(
            """async () => {
                const frame = () => new Promise(requestAnimationFrame);
                for (let y = 0; y < document.body.scrollHeight; y += 400) {
                    window.scrollTo({top: y, behavior: "instant"});
                    await frame(); await frame();
                }
                window.scrollTo({top: 0, behavior: "instant"});
                await frame(); await frame();
            }"""
        )


def wait_until(page, condition):
    """As `page.wait_for_function`, which lets the page evaluate a string: its policy forbids that."""
    deadline = time.monotonic() + PATIENCE
    while not page.evaluate(condition):
        assert time.monotonic() < deadline, f"等不到 {condition}"
        page.wait_for_timeout(20)


@pytest.fixture
def tab(browser, address):
    tabs = []

    def new(**options):
        tabs.append(Tab(browser, address, **options))
        return tabs[-1]

    yield new
    for each in tabs:
        each.close()
        assert each.errors == []


BASE = "base/"
"""The folder of the site on its server."""
ENGINES = ["mkdocs", "zensical"]
DEEP = "---\ntitle: 很深\ncategories: [一, 二, 三, 四, 五, 六]\nabbrlink: 6\n---\n\n正文\n"
MEDIA = """\
---
title: 视频与框
abbrlink: 7
---

<video src="https://media.example/a.mp4" controls></video>

<audio controls><source src="https://media.example/a.mp3"></audio>

<iframe src="https://frame.example/a"></iframe>

```mermaid
graph TD; A-->B
```
"""


def copy_project(root, *folders):
    """What a site of this project is made from, and these folders too."""
    for name in ("docs", "snippets", "tests", "evidence", "benchmarks", *folders):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("mkdocs.yml", "pyproject.toml", "notes.lock.json"):
        shutil.copy(ROOT / name, root)


def run(root, *command):
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONUTF8": "1", "SITE_URL": f"https://site.example/{BASE}"}
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=root, capture_output=True, encoding="utf-8", env=environment
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="session")
def sites(tmp_path_factory):
    """The folder of each engine's site, with notes of every kind in it, hostile ones too."""
    root = tmp_path_factory.mktemp("policy")
    copy_project(root)
    written = root / "written"
    written.mkdir()
    (written / "deep.md").write_text(DEEP, "utf-8")
    (written / "media.md").write_text(MEDIA, "utf-8")
    for number, note in enumerate(hostile.pages()):
        (written / f"hostile-{number}.md").write_text(note, "utf-8")
    run(root, "kb", "add", str(ROOT / "tests/kb/markdown/notes"), str(written))
    run(root, "mkdocs", "build", "--strict", "-d", root / "mkdocs" / BASE)
    run(root, "zensical", "build", "--strict")
    shutil.move(root / "site", root / "zensical" / BASE)
    return {engine: root / engine / BASE for engine in ENGINES}


class Handler(QuietHandler):
    """Answers with the site's 404 page, as servers of such sites do."""

    def send_error(self, code, message=None, explain=None):
        page = Path(self.directory, BASE, "404.html").read_bytes()
        self.send_response(code)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(page)


class Watched(Tab):
    """A tab that notes which requests go elsewhere, and what the policy stopped, in frames too."""

    def __init__(self, browser, address, **options):
        super().__init__(browser, address, **options)
        self.elsewhere, self.stopped = [], []
        self.page.on("requestfinished", self.note)
        self.page.on("requestfailed", self.note)
        self.page.on("console", lambda message: "Content Security Policy" in message.text and self.stopped.append(message.text))

    def note(self, request):
        if request.failure != "csp" and not request.url.startswith((self.address, "data:", "about:")):
            self.elsewhere.append((request.resource_type, request.url))

    def kinds(self):
        return {kind for kind, _ in self.elsewhere}


@pytest.fixture
def open_tab(browser):
    """A tab on one of the sites."""
    servers, tabs = [], []

    def new(site, **options):
        handler = functools.partial(Handler, directory=site.parent)
        servers.append(http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        tabs.append(Watched(browser, f"http://127.0.0.1:{servers[-1].server_port}/{BASE}", **options))
        return tabs[-1]

    yield new
    for each in tabs:
        each.close()
        assert each.errors == []
    for server in servers:
        server.shutdown()
        server.server_close()
