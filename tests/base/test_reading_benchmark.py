"""慢的手机：量得到，量的是读者看到的那一页；不判断快慢。"""

import gzip
import urllib.request

from benchmarks.reading import NETWORK, Zipped, phone, read, search
from tests.base.conftest import NOTE
from tests.site.conftest import served


def test_texts_are_sent_zipped_and_whole(site):
    with served(site, Zipped) as address:
        answer = urllib.request.urlopen(address + NOTE)
        assert answer.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(answer.read()) == (site / NOTE / "index.html").read_bytes()
        font = next(site.rglob("*.woff2"))
        answer = urllib.request.urlopen(address + font.relative_to(site).as_posix())
        assert (answer.headers["Content-Encoding"], answer.read()) == (None, font.read_bytes())


def test_a_page(site, browser, tab):
    page = tab(width=390).open(NOTE)
    with served(site, Zipped) as address:
        nodes, paint, blocked, shift = read(browser, address + NOTE)
    assert nodes == page.evaluate("document.querySelectorAll('*').length")
    assert paint > 0 and blocked >= 0 and 0 <= shift < 1


def test_the_network_is_slow(site, browser):
    with served(site, Zipped) as address, phone(browser, with_network=True) as page:
        page.goto(address + "404.html")
        took = page.evaluate("fetch('search/index.json').then(() => performance.getEntriesByType('resource').at(-1).duration)")
    assert took >= NETWORK["latency"]


def test_an_answer_and_none(site, browser):
    with served(site, Zipped) as address:
        for query in ("注意力机制", "没有这几个字的"):
            answer, key = search(browser, address, query)
            assert answer > NETWORK["latency"] and key > 0
