r"""Addresses that a site generator fills in, as authors write them into links and pictures.

| written | is |
|---|---|
| `[题]({{< ref "a.md#x" >}})`, `relref` | `a.md#x` (Hugo) |
| `[题]({% post_url 2024-03-01-a %})`, `{% link _posts/a.md %}` | `2024-03-01-a.md`, `_posts/a.md` (Jekyll) |
| `![图]({{ site.baseurl }}/a.png)`, `{{ site.url }}`, `{{ "/a.png" \| relative_url }}` | `/a.png` (Jekyll) |
| `![图]({% asset_path a.png %})` | `a.png` (Hexo) |
"""

import re

from markdown_it import MarkdownIt
from markdown_it.rules_inline.state_inline import StateInline

TEMPLATE = re.compile(
    r"""\{\{[<%]\s*(?:rel)?ref\s+(?:path\s*=\s*)?(?P<ref>"[^"\n]+"|[^\s"]+)[^{}\n]{0,100}?[>%]\}\}
      | \{%-?\s*post_url\s+(?P<post>[^\s%]+)\s*-?%\}
      | \{%-?\s*(?:link|asset_path)\s+(?P<file>[^%\n]+?)\s*-?%\}
      | \{\{-?\s*(?:site|page)\.(?:base_?url|url)\s*-?\}\}
      | \{\{-?\s*["'](?P<path>[^"'\n]+)["']\s*\|\s*(?:relative_url|absolute_url|prepend:[^}\n]*)\s*-?\}\}""",
    re.VERBOSE,
)
LINK = re.compile(
    r"(!?)\[((?:[^\[\]\\\n]|\\.|\[[^\[\]\n]*\]){0,500})\]\(\s*(?=\{[{%])"
    r"((?:\{\{.{1,500}?\}\}|\{%.{1,500}?%\}|[^\s()]){1,100})(?:\s+\"([^\"\n]*)\")?\s*\)"
)


def templates_plugin(markdown: MarkdownIt) -> None:
    markdown.inline.ruler.before("link", "templates", templated)


def filled_in(address: str) -> str:
    """The address without what its generator would have put in."""

    def fill(found: re.Match) -> str:
        if found["post"]:
            return f"{found['post'].strip('/')}.md"
        if found["ref"]:
            path, hash, section = found["ref"].strip('"').partition("#")
            return f"{path}{'.md' if path and '.' not in path.rpartition('/')[2] else ''}{hash}{section}"
        return (found["file"] or found["path"] or "").strip("\"' ")

    return TEMPLATE.sub(fill, address) if "{" in address else address


def templated(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] not in "![":
        return False
    found = LINK.match(state.src, state.pos, state.posMax)
    if found is None or (not found[1] and state.linkLevel):
        return False
    address = filled_in(found[3])
    if "{{" in address or "{%" in address:
        return False
    url = state.md.normalizeLink(address)
    if not state.md.validateLink(url):
        return False
    if not silent:
        title = {"title": found[4]} if found[4] else {}
        if found[1]:
            token = state.push("image", "img", 0)
            token.attrs, token.content, token.children = {"src": url, "alt": "", **title}, found[2], []
            state.md.inline.parse(found[2], state.md, state.env, token.children)
        else:
            state.push("link_open", "a", 1).attrs = {"href": url, **title}
            state.linkLevel += 1
            end, state.pos, state.posMax = state.posMax, found.start(2), found.end(2)
            state.md.inline.tokenize(state)
            state.linkLevel -= 1
            state.posMax = end
            state.push("link_close", "a", -1)
    state.pos = found.end()
    return True
