"""Markdown extension: what stands on the pages of the tool's own, and on those that show a file of
code whole.

A base has a stub for each, which `kb pages` keeps. Where one has nothing but its comment, it gets

| fill | what it gets |
|---|---|
| verification, markdown | `texts/<fill>.md` |
| file | the file that `of` names, and what it needs; its title is the file's own |

| registered | in | as | priority | why there |
|---|---|---|---|---|
| TextPreprocessor | preprocessors | kb-texts | 99 | after front matter is known to be right (100), before all that reads the text |
"""

from pathlib import Path

from markdown import Markdown
from markdown.extensions import Extension
from markdown.preprocessors import Preprocessor

from kb.evidence.whole_files import is_test, is_whole, name_of, needs, title_of, uri_of
from kb.markdown.engine import BadInput, Page, current_page
from kb.notes.embedded import EMBED_FIRST, EMBED_LAST
from kb.site.pages import is_comment

TEXTS = ("verification", "markdown")


class TextPreprocessor(Preprocessor):
    def run(self, lines: list[str]) -> list[str]:
        page = current_page(self.md)
        fill = page.meta.get("fill")
        if page.is_note or not is_comment("\n".join(lines)):
            return lines
        if fill in TEXTS:
            return read_text(fill).split("\n")
        return show_file(page) if fill == "file" else lines


def read_text(name: str) -> str:
    return Path(__file__).with_name("texts").joinpath(f"{name}.md").read_text("utf-8")


def show_file(page: Page) -> list[str]:
    target = page.meta.get("of")
    if not is_whole(page.root, target):
        raise BadInput(f"docs/{page.uri}：要显示的 {target} 没有了。运行 kb pages，把结果一起提交。")
    page.meta["title"] = title_of(page.root, target)
    up = "[全部测试](../verification.md#测试代码)" if is_test(target) else introduce(page, target)
    return [up, "", EMBED_FIRST["python"], f'--8<-- "{target}"', EMBED_LAST, ""]


def introduce(page: Page, target: str) -> str:
    """What the whole file is good for."""
    packages, others = needs(page.root, target)
    words = f"只依赖 {'、'.join(packages)}" if packages else "只用标准库"
    if others:
        links = (f"[{name_of(each)}]({page.link_to(uri_of(each))})" for each in others)
        words += f"，还要同一个文件夹里的 {'、'.join(links)}"
    return f"[全部代码](../code/index.md)。完整文件，含全部 import，{words}；复制下来就能运行。"


class TextExtension(Extension):
    def extendMarkdown(self, md: Markdown) -> None:
        md.preprocessors.register(TextPreprocessor(md), "kb-texts", 99)


def makeExtension(**options) -> TextExtension:
    return TextExtension(**options)
