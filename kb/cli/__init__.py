"""The command line: `commands` says what there is to do and what became of it, `editing` what of
one's own notes and code; `common` is what both need. All in Chinese (`chinese` has the words of
click itself)."""
