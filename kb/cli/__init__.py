"""The command line: `commands` says what there is to do and what became of it, all in Chinese
(`chinese` has the words of click itself)."""
