"""包的门面：snippets 交出哪些名字。"""

from pathlib import Path

import snippets


def test_exports():
    assert snippets.__all__ == [
        "ChannelAttention",
        "NonLocalBlock",
        "SelfAttention",
        "aggregate",
        "normalise",
        "score",
    ]
    for name in snippets.__all__:
        assert callable(getattr(snippets, name))


def test_every_file_has_its_tests():
    files = {path.stem for path in Path(snippets.__file__).parent.glob("[!_]*.py")}
    tests = {path.stem for path in Path("tests/snippets").glob("test_*.py")}
    assert {f"test_{name}" for name in files} == tests
