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
    difference = difflib.unified_diff(
        "\n".join(expected).split("\n"), "\n".join(found).split("\n"), "博客", "本站", lineterm="", n=1
    )
    assert found == expected, "\n".join([f"notes/{name}.md 与博客不同：", *difference])
