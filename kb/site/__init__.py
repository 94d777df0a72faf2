"""Pages made from notes, and what frames a note.

`catalog` says which pages there are, `pages` keeps their files (named by `slugs`), `listings` and
`collected_annotations` fill them. `frame` puts title, facts and licence (`licences`) around a
note, `feed` and `search` say what of it is found elsewhere. `gate` looks at all notes before
Zensical does and hands a base its `settings.yml`; `under_mkdocs` is what only MkDocs needs.
"""
