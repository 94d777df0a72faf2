"""每一页只运行本站自己的脚本，除了图片不向别处要任何东西：两个引擎的站点，在一个子路径下，用 Chromium 打开。"""

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest

from tests.site.conftest import BASE, ENGINES, NOTE, wait_until

PAGES = [
    "",
    NOTE,
    "posts/6/",
    "posts/7/",
    "categories/",
    "categories/一/二/三/四/五/六/",
    "tags/",
    "archive/",
    "annotations/",
    "snippets/moving_average/",
    "verification/",
    "markdown/",
    "tests/test_moving_average/",
    "没有这一页/也没有/",
]


@pytest.fixture(scope="module", params=ENGINES)
def site(request, sites):
    return sites[request.param]


class Page(HTMLParser):
    """The tags of a page, in their order: name, attributes and, of a script, what it says."""

    def __init__(self, html):
        super().__init__()
        self.tags = []
        self.feed(html)
        self.first = self.tags[[name for name, *_ in self.tags].index("head") + 1]
        """Of what is in `head`."""

    def handle_starttag(self, name, attributes):
        self.tags.append([name, dict(attributes), ""])

    def handle_endtag(self, name):
        self.tags.append([f"/{name}", {}, ""])

    def handle_data(self, text):
        if self.tags and self.tags[-1][0] == "script":
            self.tags[-1][2] += text

    @property
    def policy(self):
        """Its directives: name → its sources."""
        directives = [directive.split() for directive in self.first[1]["content"].split(";")]
        return {name: set(sources) for name, *sources in directives}


@pytest.fixture(scope="module")
def pages_of(sites):
    """Every page of each engine's site, by its path."""
    return {
        engine: {
            path.relative_to(site).as_posix(): Page(path.read_text("utf-8")) for path in sorted(site.rglob("*.html"))
        }
        for engine, site in sites.items()
    }


@pytest.fixture(params=ENGINES)
def pages(request, pages_of):
    return pages_of[request.param]


def hash_of(script):
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


class TestWhatIsBuilt:
    def test_the_policy_comes_first_on_every_page(self, pages):
        assert "404.html" in pages
        for path, page in pages.items():
            assert page.first[1]["http-equiv"] == "Content-Security-Policy", path
            policy = page.policy
            assert policy["default-src"] == policy["connect-src"] == {"'self'"}
            assert policy["object-src"] == policy["base-uri"] == policy["form-action"] == {"'none'"}
            assert policy["img-src"] == {"*", "data:"}
            assert policy["frame-src"] == policy["media-src"] - {"'self'"} == {"http:", "https:"}

    def test_the_scripts_are_the_sites_files_and_the_inline_ones_by_hash(self, pages):
        inline, allowed = set(), set()
        for page in pages.values():
            allowed |= page.policy["script-src"]
            for name, attributes, text in page.tags:
                if name == "script" and "src" not in attributes and attributes.get("type") != "application/json":
                    inline.add(hash_of(text))
        assert allowed == {"'self'"} | inline

    def test_all_pages_have_the_same_policy(self, pages_of):
        assert len({str(page.policy) for pages in pages_of.values() for page in pages.values()}) == 1

    def test_a_browser_finds_the_charset_where_it_looks(self, site):
        """在开头的 1024 字节里。"""
        for path in site.rglob("*.html"):
            assert b'<meta charset="utf-8">' in path.read_bytes()[:1024], path

    def test_no_element_has_a_script_of_its_own(self, pages):
        for path, page in pages.items():
            for tag, attributes, _ in page.tags:
                assert not [name for name in attributes if name.startswith("on")], (path, tag, attributes)

    def test_the_theme_finds_nothing_to_fetch_libraries_for(self, pages):
        for path, page in pages.items():
            classes = {each for _, attributes, _ in page.tags for each in (attributes.get("class") or "").split()}
            assert not classes & {"mermaid", "glightbox", "pyodide"}, path


class TestReading:
    def test_every_kind_of_page_keeps_to_the_policy(self, site, open_tab):
        tab = open_tab(site)
        for path in PAGES:
            page = tab.open(path)
            if path in (NOTE, "posts/7/"):
                page.wait_for_load_state("networkidle")
            assert tab.stopped == [], path
            assert tab.kinds() <= {"image"}, path
            assert page.evaluate("__md_scope.pathname") == f"/{BASE}", path  # 主题知道站点从哪里开始

    def test_every_note_keeps_to_the_policy_and_fits_a_phone(self, sites, notes, open_tab):
        """手写的每一篇；另一个引擎的正文相同（test_engines.py），不怀好意的见 test_hostile.py。"""
        tab = open_tab(sites["zensical"], width=390)
        for address in notes.values():
            page = tab.open(address)
            page.evaluate("document.querySelectorAll('img').forEach(image => { image.loading = 'eager' })")
            assert page.evaluate("document.documentElement.scrollWidth") <= 390, address
            assert tab.stopped == [], address
            assert tab.kinds() <= {"image"}, address

    def test_a_colour_that_is_chosen_stays(self, site, open_tab):
        tab = open_tab(site)
        page = tab.open("")
        chosen = "document.body.getAttribute('data-md-color-scheme')"
        for _ in range(2):  # 跟随系统 → 浅色 → 深色
            page.locator("[data-md-component=palette] label:visible").click()
        for path in (NOTE, "categories/一/二/三/四/五/六/", "没有/"):
            assert tab.open(path).evaluate(chosen) == "slate"
        assert tab.stopped == []

    def test_search_finds(self, site, open_tab):
        tab = open_tab(site)
        page = tab.open("posts/6/")
        page.keyboard.press("/")
        page.keyboard.type("滑动平均")
        page.locator(f".search-results a[href*='{NOTE}'] mark").first.wait_for()
        page.keyboard.press("Enter")
        page.wait_for_url(lambda url: "posts/6/" not in url)  # 到了第一个结果的页
        assert tab.stopped == []
        assert tab.kinds() <= {"image"}

    def test_a_button_leads_back_to_the_top(self, site, open_tab):
        longest = max(site.glob("posts/*/index.html"), key=lambda path: path.stat().st_size)
        page = open_tab(site).open(f"posts/{longest.parent.name}/")
        page.evaluate("scrollTo(0, 3000)")
        wait_until(page, "scrollY > 2000")
        wait_until(page, "scrollBy(0, -10), !document.querySelector('.md-top').hidden")  # 往回滚才有这个按钮
        page.locator(".md-top").click()
        wait_until(page, "scrollY === 0")


class TestMedia:
    def test_video_and_sound_load_when_played(self, site, open_tab):
        tab = open_tab(site)
        page = tab.open("posts/7/")
        page.wait_for_load_state("networkidle")
        assert tab.elsewhere == []
        for name in ("video", "audio"):
            with page.expect_request("https://media.example/**"):
                page.locator(name).evaluate("media => { media.play().catch(() => {}) }")
        assert tab.stopped == []

    @pytest.mark.parametrize("scripts", [True, False])
    def test_a_frame_loads_when_clicked(self, site, open_tab, scripts):
        tab = open_tab(site, java_script_enabled=scripts)
        page = tab.open("posts/7/")
        page.wait_for_load_state("networkidle")
        assert tab.elsewhere == []
        tab.page.route("https://frame.example/**", lambda route: route.fulfill(body="<p>框里的页", content_type="text/html"))
        frame = page.frame_locator("iframe.frame")
        frame.get_by_role("link").click()
        frame.locator("p").wait_for()
        assert tab.elsewhere == [("document", "https://frame.example/a")]
        assert tab.stopped == []


ELSEWHERE = "https://elsewhere.example/"
RUNS = {
    "an inline script": ("<script>{}</script>", "script-src-elem"),
    "a module": ("<script type=module>{}</script>", "script-src-elem"),
    "an event handler": ("<img src=x: onerror='{}'>", "script-src-attr"),
    "a handler of an SVG": ("<svg onload='{}'></svg>", "script-src-attr"),
    "a script from elsewhere": (f"<script src='{ELSEWHERE}{{}}'></script>", "script-src-elem"),
    "a script in its address": ("<script src='data:text/javascript,{}'></script>", "script-src-elem"),
    "eval": ("<script src='eval/{}'></script>", "script-src"),
    "a link to a script": ("<a id=clicked href='javascript:void({})'>a</a>", "script-src-elem"),
    "a script in a frame": ("<iframe srcdoc='<script>{}</script>'></iframe>", "script-src-elem"),
    "a frame that is a script": ("<iframe src='javascript:{}'></iframe>", "script-src-elem"),
}
ASKS = {
    "a style sheet": ("<link rel=stylesheet href='{}'>", "style-src-elem"),
    "an import": ("<style>@import '{}';</style>", "style-src-elem"),
    "a font": ("<style>@font-face {{font-family: f; src: url({})}} b {{font-family: f}}</style><b>b</b>", "font-src"),
    "an object": ("<object data='{}'></object>", "object-src"),
    "an embed": ("<embed src='{}'>", "object-src"),
    "a base": ("<base href='{}/'><img src=a.png>", "base-uri"),
    "a form": ("<form action='{}' method=post><button id=clicked>b</button></form>", "form-action"),
    "a ping": ("<a id=clicked href='#a' ping='{}'>a</a>", "connect-src"),
}
TOGETHER = [[name for name in ASKS if name not in ("a form", "a ping")], ["a form"], ["a ping"]]
"""点的只能有一处，走了就不再问别的。"""


class TestAttacks:
    """同一段 HTML，没有策略时得逞，有策略时被拦下。"""

    def attack(self, tab, html, guarded):
        def answer(route):
            page = route.fetch().text()
            if not guarded:
                page = re.sub('<meta http-equiv="Content-Security-Policy".*?>', "", page, count=1, flags=re.S)
            route.fulfill(body=page.replace("</article>", f"{html}</article>"), content_type="text/html")

        def script(route):
            code = route.request.url.rpartition("/")[2]
            route.fulfill(body=f"eval('{code}')" if "/eval/" in route.request.url else code, content_type="text/javascript")

        tab.page.route(tab.address + "posts/6/", answer)
        tab.page.route(tab.address + "posts/6/eval/**", script)
        tab.page.route(f"{ELSEWHERE}top.ran**", script)
        tab.page.add_init_script(
            "ran = []; stopped = [];"
            "addEventListener('securitypolicyviolation', event => top.stopped.push(event.effectiveDirective))"
        )
        page = tab.open("posts/6/")
        if page.locator("#clicked").count():
            page.locator("#clicked").evaluate("element => element.click()")
        return page

    def scripts(self):
        return "".join(html.format(f"top.ran.push({number})") for number, (html, _) in enumerate(RUNS.values()))

    def test_scripts_run_without_it(self, sites, open_tab):
        page = self.attack(open_tab(sites["mkdocs"], fresh=True), self.scripts(), guarded=False)
        wait_until(page, f"new Set(ran).size === {len(RUNS)}")

    def test_no_script_runs(self, sites, open_tab):
        tab = open_tab(sites["mkdocs"], fresh=True)
        page = self.attack(tab, self.scripts(), guarded=True)
        for _, directive in RUNS.values():
            wait_until(page, f"stopped.includes('{directive}')")
        wait_until(page, f"stopped.length >= {len(RUNS)}")
        assert page.evaluate("ran") == []
        tab.errors.clear()  # eval 被拦下，也是脚本的一个错误

    def asking(self, names):
        return "".join(ASKS[name][0].format(ELSEWHERE + name.replace(" ", "-")) for name in names)

    def test_others_are_asked_without_it(self, sites, open_tab):
        for names in TOGETHER:
            tab = open_tab(sites["mkdocs"], fresh=True)
            page = self.attack(tab, self.asking(names), guarded=False)
            for name in names:
                while not any(name.replace(" ", "-") in url for _, url in tab.elsewhere):
                    page.wait_for_timeout(20)

    def test_nobody_else_is_asked(self, sites, open_tab):
        for names in TOGETHER:
            tab = open_tab(sites["mkdocs"], fresh=True)
            page = self.attack(tab, self.asking(names), guarded=True)
            for name in names:
                wait_until(page, f"stopped.includes('{ASKS[name][1]}')")
            page.wait_for_load_state("networkidle")
            assert tab.elsewhere == []
