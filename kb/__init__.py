"""The tool: notes as their authors wrote them become a site, and code in them is proven by tests.

It reads `snippets/` as text and never imports it. Each room has one job, each file in it says its
own at its head, and a room imports only those below it (`tests/kb/test_house.py`):

| room | its job |
|---|---|
| `cli` | words on the terminal |
| `base` | a base of one's own: made, and published |
| `check` | what is wrong, said once with its cure |
| `edit` | one's own notes and code are written here, and undone |
| `intake` | notes are taken in, updated and taken out |
| `speed` | MkDocs builds faster; `mkdocs.yml` does without it by one line less |
| `figures` | measured figures, drawn and judged |
| `evidence` | what was proven, shown under the code |
| `site` | pages made from notes, and what frames a note |
| `pictures` | pictures from other servers: copies of our own, and how pages show them |
| `notes` | notes as bytes: read, and kept whole |
| `markdown` | what an author wrote becomes elements of a page |
| `proof` | assertions and fixtures for the tests of a base |
| `theme` | templates, style sheet, scripts and font; both engines take them from here |
"""


def makeExtension(**settings):
    """What `kb` under `markdown_extensions` in mkdocs.yml stands for."""
    from kb.extension import KnowledgeBase

    return KnowledgeBase(**settings)


def settings(site_url: str | None = None) -> str:
    """The file of settings that `INHERIT` in mkdocs.yml stands for."""
    from kb.site.gate import settings

    return settings(site_url)
