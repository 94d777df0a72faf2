"""What a reader on a slow phone waits for: a page, and the first answer of search.

    python -m benchmarks.reading [--rounds 5] [--keep FOLDER]

Chromium, 390 px wide, with a processor four times slower; for search 1.6 Mbit/s and 150 ms to the
server too, which sends with gzip. Pages are those of this base, as MkDocs builds it; searches are
asked in a base of 150 generated notes, that of `benchmarks.search` (`--keep` holds on to it). A table comes out:

| name | what |
|---|---|
| nodes | elements of the page |
| paint | milliseconds until something is seen |
| blocked | milliseconds beyond 50 of each task after that: what is tapped then waits |
| shift | how far what is seen moves by itself (CLS) |
| answer | milliseconds from asking to the first result, search being opened at that moment |
| key | milliseconds from one more character to its results |
"""

import argparse
import contextlib
import gzip
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Failed
from benchmarks.search import make_site, read_searches
from tests.kb.warm import run_module
from tests.site.conftest import QuietHandler, chromium, served

ROOT = Path(__file__).parents[1]
SLOWER = 4
NETWORK = {"offline": False, "latency": 150, "downloadThroughput": 200_000, "uploadThroughput": 94_000}
"""Bytes a second: 1.6 Mbit/s, and 750 kbit/s the other way."""
NOTES = 150
QUIET = 1000
"""Milliseconds without a long task, after which a page is done."""
TEXTS = (".html", ".css", ".js", ".json", ".svg", ".xml")
WATCH = """
window.seen = {long: [], shift: 0, last: 0}
const watch = (type, each) => new PerformanceObserver(list => list.getEntries().forEach(each)).observe({type, buffered: true})
watch("longtask", ({startTime, duration}) => { seen.long.push([startTime, duration]); seen.last = startTime + duration })
watch("layout-shift", entry => { if (!entry.hadRecentInput) seen.shift += entry.value })
"""
FOUND = """() => {
    const paint = performance.getEntriesByName("first-contentful-paint")[0].startTime
    const blocked = seen.long.filter(([start]) => start > paint).reduce((sum, [, time]) => sum + time - 50, 0)
    return [document.querySelectorAll("*").length, paint, blocked, seen.shift]
}"""
ASK = """query => new Promise(resolve => {
    const [field, state] = [".search-field", ".search-state"].map(each => document.querySelector(each))
    const start = performance.now()
    new MutationObserver((_, watch) => {
        if (!/^(找到|没有)/.test(state.textContent)) return
        watch.disconnect()
        requestAnimationFrame(() => resolve(performance.now() - start))
    }).observe(state, {childList: true})
    if (!document.querySelector("dialog.search").open) document.querySelector(".search-open").click()
    field.value = query
    field.dispatchEvent(new InputEvent("input"))
})"""


class Zipped(QuietHandler):
    """Sends texts with gzip, as servers of sites do."""

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        path = path / "index.html" if path.is_dir() else path
        if path.suffix not in TEXTS or not path.is_file():
            super().do_GET()
            return
        data = gzip.compress(path.read_bytes())
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(path))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@contextlib.contextmanager
def phone(browser: object, with_network: bool) -> Iterator[object]:
    """A page of a slow phone that has been nowhere yet."""
    context = browser.new_context(viewport={"width": 390, "height": 844}, locale="zh-CN")
    context.add_init_script(WATCH)
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    if with_network:
        session.send("Network.enable")
        session.send("Network.emulateNetworkConditions", NETWORK)
    yield page
    context.close()


def read(browser: object, address: str) -> list[float]:
    """Nodes, paint, blocked, shift."""
    with phone(browser, with_network=False) as page:
        page.goto(address)
        while page.evaluate("performance.now() - seen.last") < QUIET:
            page.wait_for_timeout(100)
        return page.evaluate(FOUND)


def search(browser: object, address: str, query: str) -> tuple[float, float]:
    """Answer, and key."""
    with phone(browser, with_network=True) as page:
        page.goto(address)
        page.wait_for_timeout(500)
        first = page.evaluate(ASK, query)
        return first, page.evaluate(ASK, query[:-1])


def build(root: Path, folder: Path) -> None:
    code, said = run_module(root, "mkdocs", "build", "-q", "-d", folder)
    if code:
        raise Failed(said)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reading", description="慢的手机上要等多久")
    parser.add_argument("--rounds", type=int, default=5, help="每一页量几次，取中位数")
    parser.add_argument("--keep", type=Path, help="生成的知识库留在这个文件夹；已经有了就不再建")
    options = parser.parse_args()
    if (launch := chromium()) is None:
        raise Failed("没有找到 Chromium。")
    from playwright.sync_api import sync_playwright

    searches = read_searches()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(**launch)
        build(ROOT, Path(folder, "own"))
        print(f"| 页 | 元素 | 看到 ms | 挡住 ms | 移动 |\n|---|---|---|---|---|")
        with served(Path(folder, "own"), Zipped) as address:
            (note,) = (path.stem for path in (ROOT / "docs/posts").glob("*.md"))
            for path in ("", f"posts/{note}/", "performance/", "verification/", "snippets/non_local/"):
                found = [read(browser, address + path) for _ in range(options.rounds)]
                nodes, paint, blocked, shift = (statistics.median(each) for each in zip(*found, strict=True))
                print(f"| {path or '首页'} | {nodes} | {paint:.0f} | {blocked:.0f} | {shift:.3f} |", flush=True)
        root = options.keep or Path(folder, "base")
        if not (root / "site").exists():
            root.mkdir(parents=True, exist_ok=True)
            make_site(root, NOTES, searches)
        with served(root / "site", Zipped) as address:
            found = [search(browser, address, query) for *_, query in searches if len(query) > 3]
        for name, values in zip(("第一次回答", "再问"), zip(*found, strict=True), strict=True):
            print(f"{name}：{len(values)} 问，中位数 {statistics.median(values):.0f} ms，最多 {max(values):.0f} ms")
        browser.close()


if __name__ == "__main__":
    try:
        main()
    except Failed as failed:
        sys.exit(str(failed))
