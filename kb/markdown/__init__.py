"""What an author wrote becomes elements of a page.

`syntax` parses (`formulas`, `dialects`, `obsidian`, `hexo`, `shortcodes`, `kramdown`, `boxes`, `templates` are rules
of it), `commonmark` makes elements of the tokens:
HTML of the author's through `rawhtml` and `openelements`, code through `code`, formulas through
`latex`, `equations` and `mathml` (`font` makes the font for them). `unverified`, `annotations`,
`marks`, `permalinks` and `links`
then go over them. `places` knows where addresses lead, `engine` which generator is running, and
`settings` are what a base chooses, and
`html` helps to build elements.
"""
