"""手写的笔记，在本站看到的与作者的博客上看到的逐块相同。

`notes/x.md` 是笔记，`notes/x.html` 是 Hexo（marked）做成的正文，由 `notes/render.mjs` 生成。本站有意不同的几块
写在 `notes/x.yml`：从第几块起（从 1 数，就是 x.html 的块）、几块、本站是什么、为什么。
"""

import difflib
from pathlib import Path

import pytest
import yaml

from tests.kb.blocks import blocks

NOTES = Path(__file__).parent / "notes"


def accepted(name: str, expected: list[str]) -> list[str]:
    """What the blog shows, with the blocks in their place that this site shows otherwise."""
    path = NOTES / f"{name}.yml"
    for change in reversed(yaml.safe_load(path.read_text("utf-8")) if path.exists() else []):
        assert change.keys() == {"block", "count", "ours", "reason"}, f"{path.name}：每一条要有这四项"
        place = slice(change["block"] - 1, change["block"] - 1 + change["count"])
        assert len(expected[place]) == change["count"], f"{path.name}：没有第 {change['block']} 块"
        assert expected[place] != change["ours"], f"{path.name}：第 {change['block']} 块没有不同"
        expected[place] = change["ours"]
    return expected


@pytest.mark.parametrize("name", sorted(path.stem for path in NOTES.glob("*.md")))
def test_a_note_shows_what_the_blog_showed(project, name):
    expected = accepted(name, blocks((NOTES / f"{name}.html").read_text("utf-8")))
    page = project.render((NOTES / f"{name}.md").read_bytes().decode())
    if page.find().name == "h1" and not page.h1.get("id"):  # front matter 里的标题
        page.h1.decompose()
    found = blocks(page)
    if found != expected:
        lines = ["\n".join(side).split("\n") for side in (expected, found)]
        difference = difflib.unified_diff(*lines, "博客", "本站", lineterm="", n=1)
        pytest.fail("\n".join([f"notes/{name}.md 与博客不同：", *difference]), pytrace=False)


def test_every_file_belongs_to_a_note():
    notes = {path.stem for path in NOTES.glob("*.md")}
    assert {path.stem for path in NOTES.glob("*.html")} == notes
    assert {path.stem for path in NOTES.glob("*.yml")} <= notes


class TestBlocks:
    """比较用的形式：读者看得出的区别都留着，看不出的都去掉。"""

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("<ul><li>一</li><li>二</li></ul>", "<ul><li>一</li></ul><ul><li>二</li></ul>"),
            ("<blockquote><p>一</p><p>二</p></blockquote>", "<blockquote><p>一</p></blockquote><p>二</p>"),
            ("<ul><li>一</li></ul>", "<ul><li><p>一</p></li></ul>"),
            ("<ul><li>一</li></ul>", "<ol><li>一</li></ol>"),
            ("<ol><li>一</li></ol>", '<ol start="2"><li>一</li></ol>'),
            ("<ul><li>一</li><li></li></ul>", "<ul><li>一</li></ul>"),
            ("<p>一<br>二</p>", "<p>一\n二</p>"),
            ("<p>一</p><p>二</p>", "<p>一二</p>"),
            ("<p>a　b</p>", "<p>a b</p>"),
            ("<p>a\xa0b</p>", "<p>a b</p>"),
            ("<p><strong>一：</strong>二</p>", "<p>**一：**二</p>"),
            ("<p><em>一</em></p>", "<p><strong>一</strong></p>"),
            ("<p><code>a</code></p>", "<p>a</p>"),
            ("<p>&lt;b&gt;一&lt;/b&gt;</p>", "<p><b>一</b></p>"),
            ('<p><a href="https://x.example/a">x</a></p>', '<p><a href="https://x.example/b">x</a></p>'),
            ('<p><img src="1.png" alt="图"></p>', '<p><img src="1.png"></p>'),
            ('<p><img src="1.png"></p>', '<p><img src="1.png" style="zoom:67%"></p>'),
            ('<p><font color="red">一</font></p>', "<p><font>一</font></p>"),
            ("<pre><code>a\n b</code></pre>", "<pre><code>a\nb</code></pre>"),
            ("<pre><code>a\n\n</code></pre>", "<pre><code>a\n</code></pre>"),
            ("<pre><code>\ta</code></pre>", "<pre><code>    a</code></pre>"),
            ("<table><tr><td>一</td><td></td></tr></table>", "<table><tr><td>一</td></tr></table>"),
            ("<table><tr><th>一</th><td>二</td></tr></table>", "<table><tr><td>二</td></tr></table>"),
            ("<table><tr><th>一</th></tr></table>", "<table><tr><td>一</td></tr></table>"),
            ('<table><tr><td align="right">1</td></tr></table>', "<table><tr><td>1</td></tr></table>"),
            ('<ul><li><input type="checkbox"> 一</li></ul>', '<ul><li><input type="checkbox" checked> 一</li></ul>'),
            ('<p><span class="formula">$x$</span></p>', "<p>x</p>"),
            ('<p><span class="formula">$x$</span></p>', '<p><span class="formula display">$$x$$</span></p>'),
            ("<details><p>一</p></details>", "<p>一</p>"),
            ('<p><iframe src="a"></iframe></p>', '<p><iframe src="b"></iframe></p>'),
        ],
    )
    def test_what_can_be_seen_is_kept(self, one, other):
        assert blocks(one) != blocks(other)

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("<p>一\n  二</p>", "<p>一 二</p>"),
            ("<p>一<br />\n二</p>", "<p>一<br>二</p>"),
            ("<p><del>一</del></p>", "<p><s>一</s></p>"),
            ("<p>一<!-- 注释 --></p>", "<p>一</p>"),
            ('<p><a href="/%E4%B8%80">一</a></p>', '<p><a href="/一">一</a></p>'),
            ('<p><a href="https://x.example">一</a></p>', '<p><a href="https://x.example/">一</a></p>'),
            ('<p><img src="1.png" alt=""></p>', '<p><img src="1.png"></p>'),
            ('<p><img src="1.png" style="zoom: 67%;"></p>', '<p><img src="1.png" style="zoom:67%"></p>'),
            ('<p><input checked=""> 一</p>', '<p><input checked="checked"> 一</p>'),
            ('<h2 id="x"><a href="#x" class="headerlink">¶</a>一</h2>', "<h2>一</h2>"),
            ('<h2><span class="mark" role="img">√</span> 一</h2>', "<h2>[√] 一</h2>"),
            (
                '<blockquote class="annotation"><p><span>alec：</span></p></blockquote>',
                "<blockquote><p>alec：</p></blockquote>",
            ),
            ('<div class="highlight"><pre><span></span><code>x\n</code></pre></div>', "<pre><code>x</code></pre>"),
            (
                '<table><tr><td style="text-align: right;">1</td></tr></table>',
                '<table><tr><td align="right">1</td></tr></table>',
            ),
            (
                '<p>前<br>\n<span class="formula display">$$\nx\n$$</span><br>\n后</p>',
                '<p>前</p><div class="formula">\\[x\\]</div><p>后</p>',
            ),
            (
                '<p><span class="picture"><img src="1.png"><span class="picture-note">图片</span></span></p>',
                '<p><img src="1.png"></p>',
            ),
        ],
    )
    def test_what_cannot_be_seen_is_not(self, one, other):
        assert blocks(one) == blocks(other)

    def test_the_form(self):
        html = "<blockquote><p>alec：</p><ul><li>一<br>二</li><li><pre><code>x\n</code></pre></li></ul></blockquote>"
        assert blocks(html) == [
            "+blockquote>+p: alec：",
            "blockquote>+ul>+li: 一<br>\n    二",
            "blockquote>ul>+li>+pre:\n    |x",
        ]

    def test_a_block_inside_words_is_a_block(self):
        assert blocks('<font color="red"><p>一</p></font>') == ["+font color=red>+p: 一"]
