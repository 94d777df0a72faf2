"""The tool: notes as their authors wrote them become a site, and code in them is proven by tests.

It reads `snippets/` as text and never imports it. Each room has one job, each file in it says its
own at its head, and a room imports only those below it (`tests/kb/test_house.py`):

| room | its job |
|---|---|
| `cli` | words on the terminal |
| `check` | what is wrong, said once with its cure |
| `intake` | notes are taken in, updated and taken out |
| `speed` | MkDocs builds faster; `mkdocs.yml` does without it by one line less |
| `site` | pages made from notes, and what frames a note |
| `notes` | notes as bytes: read, and kept whole |
| `markdown` | what an author wrote becomes elements of a page |
| `theme` | templates and scripts that go before the theme's |

The files beside them are about embeds: `regions`, `embeds` show code; `keys`, `lines`, `record`,
`refuse`, `evidence` record what its tests proved; `judge`, `badges`, `overview` say so; `mutate`
proves that the tests can fail; `measured`, `plot`, `figures` draw what was measured.
"""


def makeExtension(**settings):
    """What `kb` under `markdown_extensions` in mkdocs.yml stands for."""
    from kb.extension import KnowledgeBase

    return KnowledgeBase(**settings)
