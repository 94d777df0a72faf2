"""构建一次站点，在本机起一个服务，用真正的 Chromium 打开。"""

import functools
import http.server
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from bs4 import BeautifulSoup

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


class Tab:
    """A page in the browser that records what it asks other servers for.

    Other servers don't answer, unless `pictures` gives what they answer with.
    """

    def __init__(self, browser, address, width=1280, scheme="light", pictures=None, **options):
        self.context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, locale="zh-CN", **options
        )
        self.page = self.context.new_page()
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

    def read_to_the_end(self):
        """Scroll through the page, so that lazy pictures are asked for."""
        self.page.evaluate(
            """async () => {
                for (let y = 0; y < document.body.scrollHeight; y += 400) {
                    window.scrollTo({top: y, behavior: "instant"});
                    await new Promise(done => setTimeout(done, 40));
                }
                window.scrollTo({top: 0, behavior: "instant"});
                await new Promise(done => setTimeout(done, 100));
            }"""
        )


def wait_until(page, condition):
    """As `page.wait_for_function`, which lets the page evaluate a string: its policy forbids that."""
    deadline = time.monotonic() + 30
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
        each.context.close()
        assert each.errors == []
