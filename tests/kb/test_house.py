"""工具的房间：每一间只用下面的，谁也不往上伸手；自己的测试在同名的文件夹里。"""

import ast
import re
from pathlib import Path

import kb

HOUSE = Path(kb.__file__).parent
STOREYS = [
    {"proof"},
    {"markdown"},
    {"notes"},
    {"evidence", "pictures"},
    {"site"},
    {"figures", "intake", "speed"},
    {"edit"},
    {"check"},
    {"base"},
    {"cli"},
    {"house"},
]
"""从下往上。`house` 是房间外面的几个文件，把各间接起来。"""
HOUSE_FILES = {"__init__", "__main__", "extension", "keys", "record"}
STOREY = {room: number for number, rooms in enumerate(STOREYS) for room in rooms}


def room_of(module: str) -> str:
    """`kb.notes.library` → notes."""
    first = module.split(".")[1] if "." in module else "__init__"
    if (HOUSE / first).is_dir():
        return first
    return "house"


def imports(path: Path):
    """The modules of ours that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("kb."))
        elif isinstance(node, ast.ImportFrom) and not node.level:
            if node.module == "kb":
                yield from (f"kb.{alias.name}" for alias in node.names)
            elif (node.module or "").startswith("kb."):
                yield node.module


def modules():
    for path in sorted(HOUSE.rglob("*.py")):
        if "template" in path.parts:  # 新的知识库的文件，不是工具的
            continue
        parts = path.relative_to(HOUSE.parent).with_suffix("").parts
        yield ".".join(parts).removesuffix(".__init__"), path


def test_arrows_lead_down():
    upwards = [
        f"{module} → {other}"
        for module, path in modules()
        for other in imports(path)
        if room_of(other) != room_of(module) and STOREY[room_of(other)] >= STOREY[room_of(module)]
    ]
    assert upwards == []


def test_the_tool_reads_snippets_as_text():
    for module, path in modules():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not any(name.split(".")[0] in ("snippets", "tests") for name in names), module


def test_every_room_and_every_file_says_its_job():
    for module, path in modules():
        words = ast.get_docstring(ast.parse(path.read_text("utf-8")))
        assert words, module
        if path.name == "__init__.py" and path.parent != HOUSE:
            for file in path.parent.glob("[!_]*.py"):
                assert f"`{file.stem}`" in words, f"{module} 没有说 {file.stem}"


def test_the_house_names_its_rooms():
    named = set(re.findall(r"^\| `(\w+)` \|", kb.__doc__, re.MULTILINE))
    assert named == {path.name for path in HOUSE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    for file in HOUSE.glob("*.py"):
        assert file.stem in HOUSE_FILES or f"`{file.stem}`" in kb.__doc__
