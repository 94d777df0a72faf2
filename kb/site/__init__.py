"""Pages made from notes, and what frames a note.

`catalog` says which pages of notes there are, `pages` keeps the files of all that the tool makes
(named by `slugs`), `listings`, `collected_annotations` and `texts` fill them. `frame` puts title,
facts and licence around a note, `contents` its headings one tap away on a phone,
`wikilinks` lead to notes by their names, `shown_notes` stand in others, `feed` says what
of it is found elsewhere. `search` writes the index that readers search, of what is `searched` on finished pages. `gate` looks at all notes before Zensical does and hands a base its
`settings.yml`; `under_mkdocs` and `under_zensical` are what only they need.
"""
