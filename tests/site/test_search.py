"""搜索：打开以前什么也不取；找得到该找到的；键盘、粘贴、输入法、网址都行。两个引擎一样。"""

import pytest

from tests.site.conftest import NOTE, new_base, once, run, served, tabs_on, wait_until

NOTES = {
    "门": "门控循环单元只有两个门。\n\n## 更新门\n\n更新门决定留下多少隐藏状态。",
    "网关": "请求先经过(Gateway)再分发，DQL,DML 是两类语句。\n\n## 限流\n\n令牌桶允许突发。Gateways throttle requests. We quantize.",
    "编码": "霍夫曼编码给常见的字符短的码字。\n\n## 加权\n\n加权以后，路径的长度之和最小；这里没有另一个词：权。",
    "注意力": "Attention weights，ＬＳＴＭ 里也用得上。\n\n## 打分\n\n- 第一项\n- 点积打分最快，也最省内存。",
}
PRIVATE = ("<script>document.documentElement.dataset.ran = 1</script>", "<img src=x onerror=1>")


def make(root):
    new_base(root)
    for number, (title, text) in enumerate(NOTES.items(), 100):
        path = root / f"docs/posts/{number}.md"
        path.write_text(f"---\ntitle: {title}\n---\n{text}\n", "utf-8")
    (root / "docs/posts/104.md").write_text(f"---\ntitle: '标签 {PRIVATE[0]}'\n---\n用 `{PRIVATE[1]}` 写尖括号。\n", "utf-8")
    run(root, "kb", "pages")
    run(root, "mkdocs", "build", "-d", root / "mkdocs")
    run(root, "zensical", "build")


@pytest.fixture(scope="session")
def base(tmp_path_factory):
    return once(tmp_path_factory, "searched", make)


@pytest.fixture(scope="module")
def tab(browser, base):
    with served(base / "mkdocs") as address, tabs_on(browser, address) as new:
        yield new


def shown(page):
    wait_until(page, "/^(找到|没有)/.test(document.querySelector('.search-state').textContent)")
    return page.locator(".search-title").all_inner_texts()


def ask(page, words):
    page.locator(".search-field").fill("")
    page.locator(".search-field").fill(words)
    page.wait_for_timeout(50)
    return shown(page)


@pytest.fixture(scope="module")
def opened(tab):
    page = tab().open("")
    page.keyboard.press("/")
    return page


def test_engines_write_the_same(base):
    def files(site):
        return {path.relative_to(site).as_posix(): path.read_text("utf-8") for path in site.rglob("*") if path.is_file()}

    written = files(base / "mkdocs/search")
    assert written == files(base / "site/search")
    assert len(written) > 10


def test_nothing_is_fetched_before_it_is_opened(tab):
    asked = []
    each = tab()
    each.on("request", lambda request: asked.append(request.url.removeprefix(each.address)))
    page = each.open(NOTE)
    page.wait_for_load_state("networkidle")
    mine = ("search/", *(f"assets/{name}.js" for name in ("finding", "matching", "words", "excerpt")))
    assert not [url for url in asked if url.startswith(mine)]
    page.click(".search-open")
    ask(page, "门控")
    fetched = [url for url in asked if url.startswith("search/")]
    assert {url.partition("?")[0].split("/")[1] for url in fetched} == {"index.json", "terms", "texts"}
    assert len(fetched) < 5


@pytest.mark.parametrize(
    ("words", "first"),
    [
        ("更新门", "门"),
        ("控循环", "门"),  # 词的一部分
        ("gateway", "网关"),
        ("ＧＡＴＥＷＡＹ", "网关"),
        ("dml", "网关"),
        ("throttling", "网关"),
        ("quantization", "网关"),
        ("requst", "网关"),
        ("lstm", "注意力"),
        ("霍夫漫编码", "编码"),
        ("霍夫曼 码字", "编码"),
        ("为什么要霍夫曼编码", "编码"),
        ("权", "编码"),
        ('"点积打分"', "注意力"),
    ],
)
def test_finds(opened, words, first):
    assert ask(opened, words)[:1] == [first]


def test_characters_are_wanted_together(opened):
    ask(opened, "加权")
    assert opened.inner_text(".search-state").startswith("找到")
    ask(opened, "权加")
    assert not opened.inner_text(".search-state").startswith("找到")


def test_what_is_unwanted_is_left_out(opened):
    assert set(ask(opened, "打分")) == {"注意力"}
    assert ask(opened, "打分 -内存") == []


def test_a_result_shows_the_sentence_and_marks_the_match_as_one(opened):
    ask(opened, "点积打分")
    assert opened.locator(".search-heading").first.inner_text() == "打分"
    assert opened.locator(".search-text").first.inner_text() == "点积打分最快，也最省内存。"
    assert opened.locator(".search-text mark").all_inner_texts() == ["点积打分"]


def test_what_an_author_wrote_is_text(opened):
    assert ask(opened, "尖括号") == [f"标签 {PRIVATE[0]}"]
    assert PRIVATE[1] in opened.locator(".search-text").first.inner_text()
    assert opened.evaluate("document.documentElement.dataset.ran") is None


@pytest.mark.parametrize("key", ["/", "s", "f"])
def test_keys_open_it_and_walk_through_it(tab, key):
    page = tab().open(NOTE)
    page.keyboard.press(key)
    focus = "document.activeElement.className.split(' ')[0]"
    assert page.evaluate(focus) == "search-field"
    assert page.input_value(".search-field") == ""
    page.keyboard.type("门")
    assert len(shown(page)) > 1
    links = page.locator(".search-results a")
    place = "[...document.querySelectorAll('.search-results a')].indexOf(document.activeElement)"
    for step, expected in (("ArrowDown", 0), ("ArrowDown", 1), ("ArrowUp", 0), ("ArrowUp", -1)):
        page.keyboard.press(step)
        assert page.evaluate(place) == expected
    assert page.evaluate(focus) == "search-field"
    address = links.first.get_attribute("href").partition("#")[0]
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: url.partition("#")[0] == address)


def test_escape_closes_it_and_forgets_the_query(tab):
    page = tab().open("?q=更新门")
    assert shown(page)[0] == "门"
    page.keyboard.press("Escape")
    assert not page.locator("dialog.search").is_visible()
    assert "q=" not in page.url


def test_going_back_finds_the_results_again(tab):
    page = tab().open("")
    page.click(".search-open")
    ask(page, "令牌桶")
    page.locator(".search-results a").first.click()
    page.wait_for_url("**/posts/101/**")
    assert page.evaluate("decodeURIComponent(location.hash)") == "#限流"
    page.go_back()
    assert shown(page) == ["网关"]
    assert page.input_value(".search-field") == "令牌桶"


def test_an_input_method_searches_when_it_is_done(opened):
    ask(opened, "霍夫曼")
    opened.evaluate(
        """() => {
            const field = document.querySelector('.search-field')
            field.value = 'ling pai'
            field.dispatchEvent(new InputEvent('input', {isComposing: true, bubbles: true}))
        }"""
    )
    opened.wait_for_timeout(100)
    assert shown(opened) == ["编码"]
    opened.evaluate(
        """() => {
            const field = document.querySelector('.search-field')
            field.value = '令牌桶'
            field.dispatchEvent(new CompositionEvent('compositionend', {data: '令牌桶', bubbles: true}))
        }"""
    )
    wait_until(opened, "document.querySelector('.search-title')?.textContent === '网关'")


def test_it_is_the_whole_screen_of_a_phone(tab):
    page = tab(width=390).open(NOTE)
    page.click(".search-open")
    ask(page, "门")
    box = page.locator("dialog.search").bounding_box()
    assert (box["x"], box["y"], box["width"], box["height"]) == (0, 0, 390, 900)
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_an_index_that_does_not_come_is_said(tab):
    each = tab()
    each.page.route("**/search/index.json", lambda route: route.abort())
    page = each.open("")
    page.keyboard.press("/")
    wait_until(page, "document.querySelector('.search-state').textContent.startsWith('索引没有取到')")


def test_what_has_the_words_only_apart_is_not_read_to_the_end(tab):
    """“甲乙”“乙丙”都在一节里，却不是“甲乙丙”：最多读几批正文，就改找相近的。"""
    page = tab().open("")
    turns = page.evaluate(
        """async () => {
            const {Finder} = await import(new URL('assets/finding.js', document.baseURI))
            const pages = Array.from({length: 200}, (_, n) => [`${n}/`, `题${n}`, [['', `题${n}`, '甲乙，乙丙']]])
            const list = [200, 0, ...Array(199).fill(16)]
            const asked = []
            const finder = new Finder(async name => {
                asked.push(name)
                if (name === 'index.json') return {pieces: 1, pages: Array(200).fill(1), sections: Array(200).fill(1), count: 200}
                return name.startsWith('texts') ? [pages[parseInt(name.slice(6))]] : {甲乙: list, 乙丙: list}
            })
            const results = await finder.find('甲乙丙')
            await results.next()
            return [results.isWhole, asked.filter(name => name.startsWith('texts')).length]
        }"""
    )
    assert turns[0] is False
    assert turns[1] < 60


def test_a_rare_pair_that_is_there_by_chance_is_no_answer(tab):
    """“沙露网络层”是“沙漏网络层”写错了：“露网”只有“暴露网络”里有，“网络层”到处都是，单个的“沙”才说明是哪一篇。"""
    page = tab().open("")
    found = page.evaluate(
        """async () => {
            const {Finder} = await import(new URL('assets/finding.js', document.baseURI))
            const text = n => n === 150 ? '沙漏网络层' : n === 3 ? '暴露网络' : '网络层'
            const pages = Array.from({length: 200}, (_, n) => [`${n}/`, `题${n}`, [['', `题${n}`, text(n)]]])
            const common = [200, 0, ...Array(199).fill(16)]
            const terms = {网络: common, 络层: common, 露网: [1, 3 * 16], 沙: [1, 150 * 16]}
            const finder = new Finder(async name => {
                if (name === 'index.json') return {pieces: 1, pages: Array(200).fill(1), sections: Array(200).fill(1), count: 200}
                return name.startsWith('texts') ? [pages[parseInt(name.slice(6))]] : terms
            })
            return (await (await finder.find('沙露网络层')).next()).map(each => each.address)
        }"""
    )
    assert "150/" in found
