"""生成的 HTML：代码一字不差，笔记该有的都在。"""

import functools
import re
from urllib.parse import unquote, urljoin, urlsplit

import pytest

from kb.evidence.imports import Project
from kb.evidence.keys import content_key, read_inputs
from kb.evidence.regions import read_all, read_regions
from kb.evidence.store import DEVICES, read_run
from kb.notes.embedded import EMBED_FIRST
from tests.base.conftest import NOTE
from tests.kb.lab import ROOT

EMBEDS = [
    ("self_attention.py", ["score", "normalise", "aggregate"]),
    ("self_attention.py", ["dot_product", "concatenation", "perceptron"]),
    ("self_attention.py", ["module"]),
    ("non_local.py", ["project", "softmax_by_row", "softmax_by_column", "residual"]),
    ("channel_attention.py", ["channel_weights", "reweight"]),
]
FILES = sorted(path.name for path in (ROOT / "snippets").glob("*.py") if path.name != "__init__.py")


@pytest.fixture(scope="module")
def note(read):
    return read(NOTE)


@pytest.fixture(scope="module")
def body(note):
    return note.select_one("article.md-content__inner")


@pytest.fixture(scope="module")
def pages(site, read):
    """Every page, by its address."""
    return {path.parent.relative_to(site).as_posix(): read(path.parent) for path in site.rglob("index.html")}


class TestCode:
    def test_the_note_embeds_its_steps_in_order(self, body):
        shown = [figure["id"].removeprefix("embed-") for figure in body.select("figure.embed[data-code]")]
        assert shown == [f"{file[:-3]}-{name}" for file, names in EMBEDS for name in names]

    def test_what_is_shown_is_what_is_in_the_file(self, body):
        for file, names in EMBEDS:
            regions = read_regions(ROOT / "snippets" / file, file)
            for name in names:
                figure = body.find(id=f"embed-{file[:-3]}-{name}")
                assert figure.code.text == regions[name].text
                assert figure.select_one(".filename").text == regions[name].title
                assert re.search("[一-龥]", regions[name].title)

    def test_embeds_stand_where_the_note_describes_them(self, body):
        for words, follows in [
            ("第三步将权重和相应的键值value进行加权求和", "self_attention-score"),
            ("常用的相似度函数有[点积][拼接][感知机]", "self_attention-dot_product"),
            ("将输入变成QKV三部分之前", "self_attention-module"),
            ("然后加上原输入的特征图，获得non-local block的输出", "non_local-project"),
            ("将注意力的权重变为1x1xc", "channel_attention-channel_weights"),
        ]:
            before = body.find(id=f"embed-{follows}").find_previous_sibling()
            assert words in before.text

    @pytest.mark.parametrize("file", FILES)
    def test_the_whole_file_is_shown(self, read, file):
        page = read(f"snippets/{file[:-3]}")
        (figure,) = page.select("figure.embed")
        assert figure.select_one("td.code code").text == (ROOT / "snippets" / file).read_text("utf-8")

    def test_every_embed_links_to_its_lines(self, body, read):
        for figure in body.select("figure.embed[data-code]"):
            link = urlsplit(urljoin(NOTE, figure.select_one("details > p > a")["href"]))
            target = read(link.path).find(id=link.fragment)
            assert target.text == figure.code.text.splitlines(keepends=True)[0]

    def test_code_is_never_typed_into_a_page_of_ours(self):
        posts = ROOT / "docs/posts"
        for path in set((ROOT / "docs").rglob("*.md")) - set(posts.rglob("*.md")):
            fences = [line for line in path.read_text("utf-8").split("\n") if line.startswith(("```", "~~~"))]
            assert set(fences[::2]) <= set(EMBED_FIRST.values()), path
            assert fences[1::2] == ["```"] * (len(fences) // 2), path


class TestEvidence:
    """要求先证明过：kb prove。"""

    def test_every_badge_is_bound_to_the_text_on_the_page(self, pages):
        """把每一页上每个嵌入块的文字重新算一遍，与证据核对。"""
        project = Project(ROOT)
        seen = 0
        for address, page in pages.items():
            for figure in page.select("figure.embed[data-code]"):
                name = figure["data-code"]
                if name.startswith("tests/"):
                    assert not figure.select(".state"), address
                    continue
                seen += 1
                file, text = name.partition(":")[0], figure.select_one(".highlight code").text
                for device, chip in zip(DEVICES, figure.select("summary .state"), strict=False):  # 从没运行过的不列
                    run = read_run(ROOT / "evidence", file, device)
                    key = content_key(name, text, read_inputs(project, file, run["inputs"] if run else ()))
                    bound = run is not None and run["regions"].get(name, {}).get("key") == key
                    assert bound == (chip.text not in ("未运行", "已过期")), f"{address} {name} {device}"
                    if device == "cpu":
                        assert figure.details["data-key"] == key, f"{address} {name}"
        on_performance = (ROOT / "docs/performance.md").read_text("utf-8").count(EMBED_FIRST["python"])
        assert seen >= sum(len(names) for _, names in EMBEDS) + len(FILES) + on_performance

    def test_everything_is_verified_on_cpu(self, pages):
        for address, page in pages.items():
            for details in page.select("details.evidence:not(.numbers)"):
                good = {"已测量", "已追踪"} if details.find_parent(attrs={"data-figure": True}) else {"已验证"}
                if state := details.select_one("summary .state"):  # 用文字读的，没有
                    assert state.text in good, address

    def test_no_python_without_a_mark(self, pages):
        """渲染出来的每一个代码块，不是嵌入的，就标明是作者的。"""
        blocks = 0
        for address, page in pages.items():
            for block in page.select("article pre"):
                blocks += 1
                assert block.find_parent(class_=["embed", "author-code"]), f"{address}：{block.text[:80]}"
        assert blocks > len(FILES)

    def test_every_link_to_a_test_shows_that_test(self, body, read):
        there = urlsplit(urljoin(NOTE, body.select_one("#embed-self_attention-score .to-report")["href"]))
        links = read(there.path).find(id=there.fragment).select("table a")
        assert len(links) > 10
        for link in links:
            target = urlsplit(urljoin(there.path, link["href"]))
            line = read(target.path).find(id=target.fragment).text
            assert re.search(r"@|def test_", line), link.text

    def test_the_list_has_everything(self, pages):
        regions = read_all(ROOT)
        lines = [item.find(string=True) for item in pages["verification"].select(".proofs > li")]
        assert lines == [region.title if ":" in name else "完整文件" for name, region in regions.items()]
        for name, link in zip(regions, pages["verification"].select(".to-report"), strict=True):
            there = urlsplit(urljoin("verification/", link["href"]))
            assert pages[there.path.rstrip("/")].find(id=there.fragment).dd.text == name

    def test_search_leaves_the_evidence_out(self, site):
        index = "".join(path.read_text("utf-8") for path in (site / "search/texts").iterdir())
        assert "自注意力" in index
        for words in ("最大相对误差", "内容键", "test_empty_batch"):
            assert words not in index

    def test_tests_have_a_page_each(self, pages):
        files = {path.stem for path in (ROOT / "tests/snippets").glob("*.py")}
        assert {address.split("/")[1] for address in pages if address.startswith("tests/")} == files


class TestNote:
    def test_head(self, note, body):
        assert body.h1.text == "002 - 文章阅读笔记：总结部分注意力机制 - CSDN - 向上取整 - 专栏：计算机视觉"
        assert body.time.text == "2023-01-20 23:07"
        category = [step.text for step in body.select("nav[aria-label=分类] li")]
        assert category == ["深度学习技术栈", "深度学习", "文章学习"]
        assert body.select_one(".note-cover img")["src"].endswith("/202301202325783.png")
        assert body.h1.text in note.title.text

    def test_tags_link_to_their_pages(self, body, read):
        tags = body.select(".note-tags a")
        assert [tag.text for tag in tags] == ["计算机视觉", "注意力机制", "深度学习"]
        for tag in tags:
            page = read(unquote(urljoin(NOTE, tag["href"])))
            assert page.h1.text == f"标签：{tag.text}"
            assert page.select_one(".notes a")["href"] == f"../../{NOTE}"

    def test_category_links_to_its_pages(self, body, read):
        steps = [(step.text, unquote(step["href"])) for step in body.select("nav[aria-label=分类] a")]
        assert steps == [
            ("深度学习技术栈", "../../categories/深度学习技术栈/"),
            ("深度学习", "../../categories/深度学习技术栈/深度学习/"),
            ("文章学习", "../../categories/深度学习技术栈/深度学习/文章学习/"),
        ]
        for _, href in steps:
            assert read(urljoin(NOTE, href)).select_one(".notes a")["href"].endswith(f"../{NOTE}")

    def test_annotations_are_collected(self, body, read):
        collected = read("annotations").select("details.said blockquote.annotation")
        assert [quote.text for quote in collected] == [quote.text for quote in body.select("blockquote.annotation")]
        for link in read("annotations").select(".said-in a"):
            target = urlsplit(urljoin("annotations/", link["href"]))
            assert target.path == NOTE
            assert body.find(id=target.fragment).get("class") == ["annotation"]

    def test_quotes_and_annotations(self, body):
        quotes = body.find_all("blockquote")
        assert len(quotes) == 7
        assert [quote.get("class") for quote in quotes] == [None] + 6 * [["annotation"]]
        assert all(quote.text.lstrip().startswith("alec：") for quote in quotes[1:])

    def test_marks(self, body):
        headings = body.select("h2, h4, h6")
        assert [heading.name for heading in headings] == ["h2", "h4", "h6", "h6", "h4"]
        for heading in headings:
            assert (heading.span["role"], heading.span["aria-label"]) == ("img", "已完成")
        assert "[√]" not in body.text

    def test_brackets_are_exactly_as_written(self, body):
        assert "相似度函数有[点积][拼接][感知机]\n" in body.text

    def test_table_of_contents_has_chinese_anchors(self, note, body):
        links = note.select(".md-sidebar--secondary nav a.md-nav__link")
        contents = [(" ".join(link.text.split()), unquote(link["href"])) for link in links]
        assert contents == [
            ("部分注意力机制", "#部分注意力机制"),
            ("1 - 空间注意力", "#1-空间注意力"),
            ("1.1 - 自注意力", "#11-自注意力"),
            ("1.2 - 非局部注意力", "#12-非局部注意力"),
            ("2 - 通道注意力", "#2-通道注意力"),
        ]
        assert all(body.find(id=anchor[1:]) for _, anchor in contents)

    def test_pictures_load_lazily(self, body):
        pictures = body.select("img:not(figure img)")
        assert len(pictures) == 4
        assert all(picture["loading"] == "lazy" for picture in pictures)

    def test_says_whose_it_is(self, body):
        foot = body.select_one(".note-foot")
        assert "Alec-97" in foot.text
        assert "CC BY 4.0" in foot.text
        assert "加入了代码" in foot.text
        assert foot.find("a", href="https://alec-97.github.io/posts/681746266/")

    def test_every_word_of_the_author_is_there(self, body):
        """正文去掉 Markdown 记号，每一行都在页面上。"""
        source = (ROOT / "docs/posts/681746266.md").read_text("utf-8").split("---\n", 2)[2]
        source = re.sub(r"(?m)^``` \{\.(python|figure) \.embed\}\n.*\n```\n", "", source)
        words = re.sub(r"\s", "", body.text)
        for line in source.split("\n"):
            text = re.sub(r"^(> ?)?(#+ \[√\] |- |\d\. )?|!\[.*\)|(?<=\])\(.*\)|^---$|\\", "", line)
            text = re.sub(r"^\[(.*)\]$", r"\1", text)
            assert re.sub(r"\s", "", text) in words, line


class TestSite:
    def test_home_leads_to_the_note(self, read):
        home = read(".").select_one("article")
        assert home.h1.find_next("p").text.count("。") == 1
        assert re.match(r"\d+ 段代码：CPU 全部已验证", home.select_one(".proven").text)
        assert home.find("a", href=NOTE)

    def test_nothing_comes_from_a_third_party(self, site):
        """脚本、样式、字体和本站自己的图片都在本站；只有笔记里的图片和首页的封面在作者的图床。"""
        for path in site.rglob("*.html"):
            tags = r"script|link(?! rel=\"canonical\")|iframe|source"
            if site / "posts" not in path.parents and path != site / "index.html":
                tags += "|img"
            loaded = re.findall(rf'<(?:{tags})\b[^>]*?(?:src|href)="?((?:https?:)?//[^"\s>]+)', path.read_text("utf-8"))
            assert loaded == [], path
        for path in site.rglob("*.css"):
            assert not re.search(r"url\(\s*['\"]?(https?:)?//", path.read_text("utf-8")), path

    def test_internal_links_lead_somewhere(self, site, read):
        @functools.cache
        def ids(address):
            return {element["id"] for element in read(address).select("[id]")}

        for path in site.rglob("index.html"):
            address = f"http://site/{path.parent.relative_to(site).as_posix()}/"
            for link in read(path.parent).select("a[href]"):
                target = urlsplit(urljoin(address, link["href"]))
                if target.netloc != "site":
                    continue
                there = ids(unquote(target.path.strip("/")))
                fragment = unquote(target.fragment)
                assert not fragment or fragment in there, f"{address} → {link['href']}"
