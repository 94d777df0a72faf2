"""What the tests of a base say of its code: the only room that needs torch.

`assertions` compare, hold and refuse, and remember what they saw; `plugin` is pytest's, with the
fixtures `device`, `dtype` and `seed`. Tests import from here:

    from kb.proof import assert_agrees, assert_holds, assert_refuses

torch is imported with the first of these names, not with the plugin.
"""

RULES = 1
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
)


def __getattr__(name: str) -> object:
    if name not in NAMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from kb.proof import assertions

    return getattr(assertions, name)
