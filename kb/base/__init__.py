"""A knowledge base of one's own: `new` makes it of the files in `template/`, `tool` says where the
tool comes from, so that others can install it too, and `publish` puts the site onto a branch.

`example` proves the code of the first note, whose evidence comes with it.
"""
