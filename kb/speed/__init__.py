"""MkDocs builds faster, and makes the same files.

`plugin` is what mkdocs.yml names: without that line, nothing of this room runs. It has pages made
by a `second_process` (`ahead`), and has the theme's `templates` ready early.
"""
