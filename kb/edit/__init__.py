"""One's own notes and code are written, here in the base.

`embedding` puts code and figures into notes and takes them out, `saving` takes what stands in
`docs/posts/` as the new original, `snippet` begins a file of code with its tests. They write
through `writing`, all or nothing. `undo` brings back what the last command changed, those of
`kb.intake` too.
"""
