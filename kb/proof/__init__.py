"""What the tests of a base say of its code: the only room that needs torch.

`assertions` compare, hold and refuse, and remember what they saw; `plugin` is pytest's, with the
fixtures `device`, `dtype` and `seed`; `children` starts processes. Tests import from here:

    from kb.proof import assert_agrees, assert_holds, assert_refuses, start_child

`watch` sees what all of them read. torch is imported with the first of the assertions, not with
the plugin.
"""

RULES = 4
"""The version of the rules by which tests prove: part of every key.

Raise it where the code of this room changes in what it lets pass; `tests/kb/proof/test_rules.py`
notices that it changed at all.
"""

NAMES = (
    "DTYPES",
    "REORDERED",
    "TOLERANCE",
    "assert_agrees",
    "assert_holds",
    "assert_refuses",
    "start_child",
)


def __getattr__(name: str) -> object:
    if name not in NAMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name == "start_child":
        from kb.proof.children import start_child

        return start_child
    from kb.proof import assertions

    return getattr(assertions, name)
