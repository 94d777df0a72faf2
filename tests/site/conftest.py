"""各种笔记的站点，构建一次，在本机起一个服务，用真正的 Chromium 打开。"""

import contextlib
import functools
import http.server
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from kb.base.new import Answers, make_base
from kb.notes.embedded import fingerprint, read_lock
from tests.kb import hostile
from tests.kb.generator import make_notes
from tests.kb.lab import once
from tests.kb.warm import run_module

ROOT = Path(__file__).parents[2]
NOTE = "posts/69421943/"
"""The first note of a new base."""
SNIPPET = "moving_average.py"


def chromium():
    """Launch options for the Chromium of this machine, None where there is none."""
    names = ["chromium-headless-shell", "chromium", "chromium-browser"]  # 第一个没有窗口，最快
    names += ["google-chrome", "google-chrome-stable", "chrome", "msedge"]
    found = next(filter(None, map(shutil.which, names)), None)
    return {"executable_path": found} if found else None


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@contextlib.contextmanager
def served(folder, handler=QuietHandler):
    """The address of a server of these files."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(handler, directory=folder))
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


UNUSED = (
    "InitialWebUI,WebUIOmniboxPopup,WebUIReloadButton,"  # 每个窗口一个进程，给没有人看的工具栏
    "AimEnabled,AvoidCorsURLLoaderRestartOnRedirect,AvoidUnnecessaryBeforeUnloadCheckSync,"  # 从这里起
    "DestroyProfileOnBrowserClose,HttpsFirstBalancedModeAutoEnable,HttpsUpgrades,LensOverlay,MediaRouter,"
    "NetworkTimeServiceQuerying,OptimizationHints,PaintHolding,PreconnectToSearch,TcpPortRandomizationWin,"
    "ThirdPartyStoragePartitioning"  # 是 Playwright 自己关掉的，写了别的就要再写一遍
)
"""Chromium 的功能，关掉以后，打开一个窗口少用三成的时间。"""


NOWHERE = "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
"""Other servers are not found. A route that ends what is asked of them would have each request pass through here."""


@functools.cache
def launched():
    """One for all tests of a process."""
    from playwright.sync_api import sync_playwright

    playwright = sync_playwright().start()
    args = ["--disable-background-networking", f"--disable-features={UNUSED}", f"--host-resolver-rules={NOWHERE}"]
    return playwright, playwright.chromium.launch(args=args, **chromium())


@pytest.fixture(scope="session")
def browser():
    if chromium() is None:
        pytest.skip("没有找到 Chromium（chromium、google-chrome 或 msedge）")
    yield launched()[1]
    if launched.cache_info().currsize:
        playwright, browser = launched()
        launched.cache_clear()
        IDLE.clear()
        browser.close()
        playwright.stop()


PATIENCE = 180
"""秒：等到这么久，就是卡住了，不是机器忙。"""


IDLE = []
"""Pages that no test has at the moment. A page that has opened a site before opens it in half the time."""
PLAIN = "assets/images/favicon.png"
"""Of a site that has scripts of its own, what has none."""


class Tab:
    """A page in the browser that records what it asks other servers for.

    They can't be reached, unless `pictures` gives what they answer with. With `fresh` or other options
    the page is in a window of its own, and nobody has it afterwards.
    """

    def __init__(self, browser, address, width=1280, scheme="light", pictures=None, fresh=False, **options):
        self.address = address
        self.elsewhere, self.errors, self.listening = [], [], []
        self.is_shared = not (fresh or options)
        if self.is_shared and IDLE:
            self.page = IDLE.pop()
            self.page.set_viewport_size({"width": width, "height": 900})
            self.page.emulate_media(color_scheme=scheme)
        else:
            window = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme, "locale": "zh-CN"}
            self.page = browser.new_context(**window, **options).new_page()
            self.page.set_default_timeout(1000 * PATIENCE)
        self.context = self.page.context
        self.on("pageerror", lambda error: self.errors.append(str(error)))
        self.on("requestfinished", self.note)
        self.on("requestfailed", self.note)
        if pictures:
            self.page.route(
                lambda url: not url.startswith(address),
                lambda route: route.fulfill(body=pictures, content_type="image/svg+xml"),
            )

    def on(self, event, listener):
        self.listening.append((event, listener))
        self.page.on(event, listener)

    def note(self, request):
        if request.failure != "csp" and not request.url.startswith((self.address, "data:", "about:")):
            self.elsewhere.append((request.resource_type, request.url))

    @property
    def asked(self):
        """The servers, one for each request."""
        return [urlsplit(url).netloc for _, url in self.elsewhere]

    def open(self, path):
        self.page.goto(self.address + path)
        return self.page

    def close(self):
        """Where a request is on its way to a route, closing would wait for it, and it for this."""
        self.page.unroute_all(behavior="ignoreErrors")
        for event, listener in self.listening:
            self.page.remove_listener(event, listener)
        if not self.is_shared:
            self.context.close()
            return
        self.page.emulate_media(media="null", color_scheme="null")
        self.page.goto(self.address + PLAIN)
        self.page.evaluate("localStorage.clear(), sessionStorage.clear()")
        IDLE.append(self.page)

    def read_to_the_end(self):
        """Scroll through the page, so that lazy pictures are asked for: each screen is drawn."""
        self.page.evaluate(
            """async () => {
                const frame = () => new Promise(requestAnimationFrame);
                for (let y = 0; y < document.body.scrollHeight; y += 800) {
                    window.scrollTo({top: y, behavior: "instant"});
                    await frame(); await frame();
                }
                window.scrollTo({top: 0, behavior: "instant"});
                await frame(); await frame();
            }"""
        )


@contextlib.contextmanager
def tabs_on(browser, address):
    """Opens tabs; none of them may have met an error in the end."""
    tabs = []

    def new(**options):
        tabs.append(Tab(browser, address, **options))
        return tabs[-1]

    yield new
    for each in tabs:
        each.close()
        assert each.errors == []


def wait_until(page, condition):
    """As `page.wait_for_function`, which lets the page evaluate a string: its policy forbids that."""
    deadline = time.monotonic() + PATIENCE
    while not page.evaluate(condition):
        assert time.monotonic() < deadline, f"等不到 {condition}"
        page.wait_for_timeout(20)


CONTRAST = """selector => {
    const channel = value => (value /= 255) <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    const parse = color => color.match(/[\\d.]+/g).map(Number);
    const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
    const element = document.querySelector(selector);
    let behind = element, background;
    do {
        background = parse(getComputedStyle(behind).backgroundColor);
        behind = behind.parentElement;
    } while (background[3] === 0);
    const pair = [luminance(parse(getComputedStyle(element).color)), luminance(background)];
    return (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
}"""


BASE = "base/"
"""The folder of the site on its server."""
ENGINES = ["mkdocs", "zensical"]
WRITTEN = sorted((ROOT / "tests/kb/markdown/notes").glob("*.md"))
GENERATED = 30
"""Notes like the author's, see tests/kb/generator.py."""
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


def new_base(root):
    """A base as `kb new` makes it, in an empty folder; annotations begin with alec."""
    make_base(root, Answers("实证笔记", "张三", "CC BY 4.0"))
    settings = (root / "mkdocs.yml").read_text("utf-8")
    assert "signature: 批注" in settings
    (root / "mkdocs.yml").write_text(settings.replace("signature: 批注", "signature: alec"), "utf-8")


def run(root, *command):
    code, output = run_anyway(root, *command)
    assert code == 0, output
    return output


def run_anyway(root, *command):
    return run_module(root, *command, PYTHONPATH=str(root), SITE_URL=f"https://site.example/{BASE}")


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    """A project with notes of every kind, hostile ones too, and each engine's site of it; to read."""

    def make(root):
        new_base(root)
        written = root / "written"
        written.mkdir()
        (written / "deep.md").write_text(DEEP, "utf-8")
        (written / "media.md").write_text(MEDIA, "utf-8")
        for number, note in enumerate(hostile.pages()):
            (written / f"hostile-{number}.md").write_text(note, "utf-8")
        for note in make_notes(GENERATED):
            (written / f"generated-{note.number}.md").write_bytes(note.text.encode())
        said = run(root, "kb", "add", str(ROOT / "tests/kb/markdown/notes"), str(written))
        assert said.count("已添加：") == GENERATED + 2 + len(hostile.pages()) + len(WRITTEN)
        with ThreadPoolExecutor() as pool:  # 别的进程也在等它们
            built = pool.submit(run, root, "mkdocs", "build", "--strict", "-d", root / "mkdocs" / BASE)
            run(root, "zensical", "build", "--strict")
            built.result()
        shutil.move(root / "site", root / "zensical" / BASE)

    return once(tmp_path_factory, "whole", make)


@pytest.fixture(scope="session")
def sites(whole):
    """The folder of each engine's site."""
    return {engine: whole / engine / BASE for engine in ENGINES}


@pytest.fixture(scope="session")
def notes(whole):
    """The address of each hand-written note, by the name of its file."""
    files = {entry["sha256"]: file for file, entry in read_lock(whole).items()}
    found = {path.stem: files[fingerprint(path.read_bytes())["sha256"]] for path in WRITTEN}
    return {name: file.removeprefix("docs/").removesuffix(".md") + "/" for name, file in found.items()}


class Handler(QuietHandler):
    """Answers with the site's 404 page, as servers of such sites do."""

    def send_error(self, code, message=None, explain=None):
        page = Path(self.directory, BASE, "404.html").read_bytes()
        self.send_response(code)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(page)


class Watched(Tab):
    """A tab that notes what the policy stopped, in frames too."""

    def __init__(self, browser, address, **options):
        super().__init__(browser, address, **options)
        self.stopped = []
        self.on("console", lambda message: "Content Security Policy" in message.text and self.stopped.append(message.text))

    def kinds(self):
        return {kind for kind, _ in self.elsewhere}


@pytest.fixture(scope="session")
def addresses():
    """Of the sites that were asked for, by their folders."""
    with contextlib.ExitStack() as servers:
        yield functools.cache(lambda site: servers.enter_context(served(site.parent, Handler)) + BASE)


@pytest.fixture
def open_tab(browser, addresses):
    """A tab on one of the sites."""
    tabs = []

    def new(site, **options):
        tabs.append(Watched(browser, addresses(site), **options))
        return tabs[-1]

    yield new
    for each in tabs:
        each.close()
        assert each.errors == []
