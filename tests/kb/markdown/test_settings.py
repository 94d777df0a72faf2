"""知识库自己选的：作者、许可、批注的署名、搜索索引的上限；写错了说清楚。"""

import pytest

from kb.markdown.engine import BadInput
from kb.markdown.settings import Settings, parse
from kb.notes.library import read_note
from tests.kb.lab import configure


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        ("", Settings()),
        ("site_name: x\n", Settings()),
        ("markdown_extensions:\n  - toc\n  - kb\n", Settings()),
        ("markdown_extensions:\n  kb:\n", Settings()),
        ("markdown_extensions:\n  kb: {author: 张三, licence: CC BY 4.0}\n", Settings("张三", "CC BY 4.0")),
        ("markdown_extensions:\n  - kb:\n      signature: alec\n", Settings(signatures=("alec：",))),
        ("markdown_extensions: {kb: {signature: '张三：'}}\n", Settings(signatures=("张三：",))),
        ("markdown_extensions: {kb: {signature: [张三, '按:']}}\n", Settings(signatures=("张三：", "按："))),
        ("site_dir: 别处\n", Settings(site_dir="别处")),
        ("INHERIT: !!python/object/apply:kb.settings [x]\nsite_url: !ENV [A, b]\n", Settings()),
    ],
)
def test_what_is_read(text, settings):
    assert parse(text.encode()) == settings


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("markdown_extensions: {kb: {autor: x}}", "扩展 kb 没有 autor 这个设置。有的是 author、"),
        ("markdown_extensions: {kb: {author: [x]}}", "author 应是一行字"),
        ("markdown_extensions: {kb: {signature: 5}}", "signature 应是批注开头的名字"),
        ("markdown_extensions: {kb: {signature: ['：']}}", "signature 应是批注开头的名字"),
        ("markdown_extensions: {kb: 5}", "扩展 kb 的设置应是一行行的"),
        ("a: [\n", "mkdocs.yml:2：不是正确的 YAML"),
    ],
)
def test_what_cannot_be_used(text, words):
    with pytest.raises(BadInput) as refusal:
        parse(text.encode())
    assert words in str(refusal.value)


@pytest.mark.parametrize(
    ("signature", "anchors", "signed"),
    [
        ("alec", ["alec-1"], ["alec："]),
        (["张三", "alec"], ["annotation-1", "annotation-2"], ["张三：", "alec："]),
        (None, [], []),
    ],
)
def test_annotations_begin_with_it(project, signature, anchors, signed):
    configure(project.root, **({"signature": signature} if signature else {}))
    text = "> 张三：一\n\n文\n\n> alec：二\n\n文\n\n> 引文\n"
    page = project.render(text)
    quotes = page.select("blockquote.annotation")
    assert [quote["id"] for quote in quotes] == anchors
    assert [quote.select_one(".signature").text for quote in quotes] == signed
    note = read_note(project.root / "docs/posts/1.md", project.root)
    assert len(note.annotations) == len(anchors)
