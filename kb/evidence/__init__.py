"""What was proven of the code that notes show, and said under it.

`regions` names parts of `snippets/`, which show what they are (`characters`). A topic is a file of it
with its tests: `imports` finds the files that another rests on, `keys` binds a claim to their bytes,
`lines` to lines.

`prove` finds what is due. `record` has the tests run, in a process of its own (`run`) that sees
nothing of the shell (`environment`), where what is written stays what it is (`originals`), and is
watched, each function of the snippets too (`tracer`); `packages` and `refuse` say when this would be
less than the whole truth, `machine` where it was. Once the tests have ended, `flows` makes one of the
calls that `calls` saw once more and has `trace` follow it, for the diagram of a region; `letters`
names the axes. `mutate` shows changed copies (`mutants`) to the same tests, which run in processes of
a `pool`; some are as good as the original (`explanations`). `store` reads and writes all that.

`judge` draws the conclusion. `embeds` shows code in a page, `badges` a line of evidence under it,
`reports` what it opens into, `overview` all lines on one page; `whole_files` says which files have a
page of their own.
"""

from kb.evidence.store import write

__all__ = ["write"]
