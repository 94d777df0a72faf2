"""What was proven of the code that notes show, and said under it.

`regions` names parts of `snippets/`; `keys` binds a claim to bytes, `lines` to lines. `record` runs
the tests and writes down what happened, unless `refuse` finds that this would be less than the
whole truth; `store` reads and writes it, and `mutate` proves that the tests can fail. `judge` draws
the conclusion. `embeds` shows code in a page, `badges` the evidence under it, and `overview` all of
it on one page; `whole_files` says which files have a page of their own.
"""

from kb.evidence.store import write

__all__ = ["write"]
