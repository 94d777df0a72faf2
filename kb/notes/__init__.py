"""Notes as bytes: read, and kept whole.

`embedded` knows the author's bytes from ours, and the lock; `files` writes whole or not at all,
`backups` keeps what is replaced and a record of what was done.
`any_front_matter` reads what any tool would read, for `private` to judge whether a note may be
seen; `head` is what the site makes of it, with `front_matter` where it is YAML and `times` for dates.
`library` is all notes, `addresses` where they point, `licences` what one may do with them.
"""
