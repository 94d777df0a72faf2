"""代码的高亮记得住：依据的有一样不同，就不是记住的那一个。"""

import pytest
from markdown import Markdown

from kb.code import highlight, highlight_once

BLOCK = {"code": "x = 1\ny = 2\n", "language": "python", "title": "题目", "first_line": 3, "id_value": "名字"}


def page(**settings):
    return Markdown(
        extensions=["pymdownx.highlight"],
        extension_configs={"pymdownx.highlight": {"line_spans": "__span", "anchor_linenums": True} | settings},
    )


@pytest.mark.parametrize(
    "change",
    [
        {"code": "x = 1\ny = 3\n"},
        {"language": "text"},
        {"title": "别的题目"},
        {"first_line": 4},
        {"id_value": "别的名字"},
        {"marked_lines": [1]},
        {"anchors": False},
    ],
    ids=str,
)
def test_what_differs_is_shown(change):
    shown = highlight(page(), **BLOCK)
    assert highlight(page(), **BLOCK | change) != shown
    assert highlight(page(), **BLOCK) == shown


@pytest.mark.parametrize("settings", [{"pygments_lang_class": True}, {"line_spans": ""}, {"css_class": "别的"}], ids=str)
def test_so_are_other_settings(settings):
    assert highlight(page(**settings), **BLOCK) != highlight(page(), **BLOCK)


def test_blocks_of_a_page_are_numbered():
    """没有名字的，行的锚点用这是页上的第几块。"""
    unnamed = BLOCK | {"id_value": ""}
    md = page()
    first, second = highlight(md, **unnamed), highlight(md, **unnamed)
    assert first == second.replace("-1-", "-0-") != second


def test_a_page_that_is_shown_again_costs_nothing():
    highlight(page(), **BLOCK)
    before = highlight_once.cache_info()
    highlight(page(), **BLOCK)
    after = highlight_once.cache_info()
    assert (after.hits, after.misses) == (before.hits + 1, before.misses)
