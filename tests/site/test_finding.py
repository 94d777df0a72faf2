"""四十篇笔记的站点：找得到每一篇；私密的一个字也没有；订阅合格。"""

import gzip
import json
import re
import shutil
from email.utils import parsedate_to_datetime
from html import unescape
from urllib.parse import unquote, urljoin
from xml.etree import ElementTree

import pytest
from bs4 import BeautifulSoup

from tests.kb.warm import run_module
from tests.site.conftest import NOTE, new_base

COUNT = 40
PUBLIC = """\
---
title: 第 {0} 篇
{1}tags: [共同, 标签{2}]
categories: [门类{3}, 小类]
index_img: https://img.example/{0}.png
abbrlink: {4}
---
## [√] 一节

正文“第” "{0}" <篇> &。

> alec：批注第 {0} 篇
"""
SECRETS = ("密题", "密文", "密述", "密签", "密类", "密注")
PRIVATE = """\
---
title: 密题一
description: 密述
tags: [密签]
categories: [密类]
date: 2026-01-01
{0}
abbrlink: {1}
---
## 密文

密文

> alec：密注
"""


def run(root, *command):
    """在它自己的地址。"""
    code, said = run_module(root, *command)
    assert code == 0, said


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy of the project with the notes taken in by `kb add`, and its pages made."""
    root = tmp_path_factory.mktemp("library")
    new_base(root)
    run(root, "kb", "remove", NOTE.strip("/").rpartition("/")[2])
    source = root / "blog"
    source.mkdir()
    for number in range(COUNT):
        date = f"date: 2024-{number % 12 + 1:02d}-{number % 28 + 1:02d} 01:02:03\n" if number % 10 else ""
        text = PUBLIC.format(number, date, number % 7, number % 3, 1000 + number)
        (source / f"{number}.md").write_text(text, "utf-8")
    for number, line in enumerate(("password: 1", "published: false", "draft: true")):
        (source / f"private{number}.md").write_text(PRIVATE.format(line, 2000 + number), "utf-8")
    run(root, "kb", "add", *map(str, sorted(source.glob("*.md"))))
    shutil.rmtree(source)
    assert len([*(root / "docs/posts").glob("*.md")]) == COUNT
    return root


@pytest.fixture(scope="module")
def built(project):
    run(project, "mkdocs", "build", "--strict")
    return project / "site"


@pytest.fixture(scope="module")
def read(built):
    def read(address):
        return BeautifulSoup((built / address / "index.html").read_text("utf-8"), "html.parser")

    return read


NOTES = {f"posts/{1000 + number}/" for number in range(COUNT)}


def reachable(read, start, steps):
    """The notes that so many clicks lead to."""
    seen, front = set(), {start}
    for _ in range(steps):
        following = set()
        for address in front:
            for link in read(address).select("article a[href]"):
                target = unquote(urljoin(f"http://site/{address}", link["href"]))
                following.add(target.removeprefix("http://site/").partition("#")[0])
        front = {address for address in following - seen if "://" not in address}
        seen |= front
    return seen & NOTES


@pytest.mark.parametrize(
    ("start", "steps"), [("categories/", 2), ("tags/", 2), ("archive/", 1), ("annotations/", 1), ("", 3)]
)
def test_every_note_is_a_few_clicks_away(read, start, steps):
    assert reachable(read, start, steps) == NOTES


def test_all_are_in_the_navigation(read):
    tabs = [" ".join(tab.text.split()) for tab in read("").select(".md-tabs__link")]
    assert tabs == ["首页", "分类", "标签", "归档", "批注", "代码", "验证"]


def test_the_home_page_shows_the_newest(read):
    cards = read("").select(".card")
    dates = [card.time["datetime"] for card in cards]
    assert len(cards) == 12
    assert dates == sorted(dates, reverse=True)
    assert dates[0].startswith("2024-12")


def test_search_has_notes_and_no_listings(built):
    pages = [page for path in built.glob("search/texts/*") for page in json.loads(path.read_text("utf-8"))]
    addresses = {address for address, *_ in pages}
    assert NOTES <= addresses
    assert not [address for address in addresses if re.match("(tags|categories|archive|annotations)/", address)]


def test_nothing_of_a_private_note_is_on_the_site(built):
    seen = 0
    for path in built.rglob("*"):
        if path.is_file():
            data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
            text = data.decode("utf-8", "replace").replace("\u200b", "")
            seen += "批注第 7 篇" in text
            for secret in SECRETS:
                assert secret not in f"{path} {text}", path
    assert seen >= 3  # 笔记、批注页、搜索：确实在找


@pytest.mark.parametrize("line", ["password: 1", "published: false", "draft: true"])
def test_a_private_note_ends_the_build(project, line, tmp_path):
    path = project / "docs/posts/2000.md"
    path.write_text(PRIVATE.format(line, 2000), "utf-8")
    try:
        code, said = run_module(project, "mkdocs", "build", "-d", str(tmp_path / "site"))
    finally:
        path.unlink()
    assert code == 1
    assert f"docs/posts/2000.md：这篇笔记的 front matter 写着 {line.split(':')[0]}" in said
    assert "请把文件移出 docs/。" in said
    assert "Traceback" not in said
    assert not [*tmp_path.rglob("*.html")]


@pytest.fixture(scope="module")
def feed(built):
    return ElementTree.fromstring((built / "feed_rss_created.xml").read_text("utf-8")).find("channel")


def words(number):
    return f'正文“第” "{number}" <篇> &。 alec：批注第 {number} 篇'


class TestFeed:
    def test_has_the_newest_dated_notes(self, feed):
        items = feed.findall("item")
        dates = [parsedate_to_datetime(item.findtext("pubDate")) for item in items]
        assert len(items) == 20
        assert dates == sorted(dates, reverse=True)
        assert all(date.utcoffset().total_seconds() == 8 * 3600 for date in dates)
        assert {(date.hour, date.minute) for date in dates} == {(1, 2)}  # 作者写的，不换算

    def test_is_complete(self, feed):
        for name in ("title", "link", "description", "language"):
            assert feed.findtext(name)
        for item in feed.findall("item"):
            number = re.fullmatch(r"第 (\d+) 篇", item.findtext("title"))[1]
            assert item.findtext("link") == f"http://127.0.0.1:8000/posts/{1000 + int(number)}/"
            assert item.findtext("guid") == item.findtext("link")
            assert unescape(item.findtext("description")) == words(number)
        text = ElementTree.tostring(feed, "unicode")
        assert "None" not in text
        assert not re.search(r"(/|^)(categories|tags|archive|annotations|snippets)/", text)

    def test_the_page_says_the_same(self, read):
        assert read("posts/1007/").find("meta", {"name": "description"})["content"] == words(7)

    def test_pages_lead_to_it(self, read):
        link = read("posts/1001/").find("link", type="application/rss+xml")
        assert link["href"] == "../../feed_rss_created.xml"


def test_the_address_of_the_site_is_an_environment_variable(project, tmp_path, monkeypatch):
    monkeypatch.setenv("SITE_URL", "https://notes.example/站/")
    run(project, "mkdocs", "build", "-q", "-d", str(tmp_path))
    assert "<link>https://notes.example/" in (tmp_path / "feed_rss_created.xml").read_text("utf-8")
