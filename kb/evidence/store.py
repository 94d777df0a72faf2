"""`evidence/<topic>/`: what recorded runs found, and nothing that follows from it.

    evidence/self_attention/cpu.json      what the tests of snippets/self_attention.py did
    evidence/self_attention/mutants.json  which changed copies of it they noticed
    evidence/self_attention/flow.json     how tensors go through it, as one of its tests called it

The format is described in `schema.json`. A digest over the whole shows careless edits. Conclusions
are drawn by `kb.evidence.judge`, each time anew.
"""

import functools
import json
import os
import tempfile
from pathlib import Path

import fastjsonschema

from kb.evidence.imports import sha256
from kb.markdown.engine import BadInput

DEVICES = {"cpu": "CPU", "cuda": "CUDA"}
"""Devices by name, as readers know them."""

FOLDER = "evidence"
MUTANTS = "mutants"
FLOW = "flow"
PROVE = "kb prove"
OLD = ("cpu.json", "cuda.json", "mutation.json", "equivalent.yml")
"""Names of the files of the first format, which lie in `evidence/` itself."""

SCHEMAS = json.loads((Path(__file__).parent / "schema.json").read_text("utf-8"))
VERSION = SCHEMAS["$defs"]["version"]["const"]


@functools.cache
def validator(kind: str):
    return fastjsonschema.compile({"$ref": f"#/$defs/{kind}", "$defs": SCHEMAS["$defs"]})


def topic(file: str) -> str:
    """`vision/half.py` → vision/half."""
    return file.removesuffix(".py")


def write_run(folder: Path, file: str, document: dict) -> Path:
    """Also of how tensors went, where the document says so: on one device, for all."""
    path = folder / topic(file) / f"{document['device']}.json"
    run = {name: value for name, value in document.items() if name != "flows"}
    write(path, pack(run) | {"schema": VERSION})
    if "flows" in document and document["device"] == "cpu":
        write_flows(folder, file, document["flows"], document["recorded"])
    return path


def write_flows(folder: Path, file: str, flows: dict[str, dict], recorded: str) -> None:
    path = folder / topic(file) / f"{FLOW}.json"
    write(path, {"schema": VERSION, "recorded": recorded, "flows": flows})


def write_mutants(folder: Path, file: str, document: dict) -> Path:
    path = folder / topic(file) / f"{MUTANTS}.json"
    write(path, document | {"schema": VERSION})
    return path


def write(path: Path, document: dict) -> None:
    """Replaces the file whole or not at all: an interrupted run leaves the old one."""
    document = {"schema": 1} | document
    document["digest"] = digest(document)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(lines_of(document))
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def lines_of(document: dict) -> str:
    """JSON in which a difference is a line: what a test, a region, an input says stands on one."""
    parts = []
    for name, value in sorted(document.items()):
        if name == "tests":
            modules = ",\n".join(map(module_lines, sorted(value.items())))
            parts.append(f" {dump(name)}: {{\n{modules}\n }}")
        elif isinstance(value, dict) and value:
            parts.append(f" {dump(name)}: {{\n{inner_lines(value, 2)}\n }}")
        elif isinstance(value, list) and value:
            parts.append(f" {dump(name)}: [\n  " + ",\n  ".join(map(dump, value)) + "\n ]")
        else:
            parts.append(f" {dump(name)}: {dump(value)}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def module_lines(item: tuple[str, dict]) -> str:
    module, cases = item
    return f"  {dump(module)}: {{\n{inner_lines(cases, 3)}\n  }}"


def inner_lines(value: dict, indent: int) -> str:
    space = " " * indent
    return ",\n".join(f"{space}{dump(key)}: {dump(each)}" for key, each in sorted(value.items()))


def dump(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def digest(document: dict) -> str:
    rest = {name: value for name, value in document.items() if name != "digest"}
    return sha256(json.dumps(rest, sort_keys=True, ensure_ascii=False).encode())


def pack(run: dict) -> dict:
    """What many tests say alike stands once: in `places`, `facts` and `lines`."""
    places: dict[str, int] = {}
    facts: dict[str, int] = {}
    lines: dict[str, int] = {}
    tests: dict[str, dict[str, dict]] = {}
    for id, test in run["tests"].items():
        module, _, name = id.partition("::")
        packed = []
        for fact in test["facts"]:
            errors = [rounded(fact[each]) for each in ("absolute", "relative") if each in fact]
            plain = {each: fact[each] for each in ("kind", "name", "dtype") if each in fact}
            packed.append([facts.setdefault(dump(plain), len(facts)), *errors])
        place = dump([test.get("file", module), test["line"]])
        entry = {
            "at": places.setdefault(place, len(places)),
            "facts": packed,
            "ran": lines.setdefault(test["ran"], len(lines)),
        }
        if test["outcome"] != "passed":
            entry["outcome"] = test["outcome"]
        if "why" in test:
            entry["why"] = test["why"]
        tests.setdefault(module, {})[name] = entry
    tables = {
        "places": [json.loads(each) for each in places],
        "facts": [json.loads(each) for each in facts],
        "lines": list(lines),
    }
    return run | tables | {"tests": tests}


def unpack(document: dict) -> dict:
    places, facts, lines = document["places"], document["facts"], document["lines"]
    tests = {}
    for module, cases in document["tests"].items():
        for name, entry in cases.items():
            whole = []
            for number, *errors in entry["facts"]:
                named = dict(zip(("absolute", "relative"), errors, strict=False))
                whole.append(facts[number] | named)
            file, line = places[entry["at"]]
            test = {"outcome": entry.get("outcome", "passed"), "line": line}
            test |= {"file": file} if file != module else {}
            test |= {"why": entry["why"]} if "why" in entry else {}
            id = f"{module}::{name}" if name else module
            tests[id] = test | {"facts": whole, "ran": lines[entry["ran"]]}
    return document | {"tests": tests}


def rounded(error: float) -> float:
    """To three digits, upwards if at all."""
    near = float(f"{error:.2e}")
    return near if near >= error else float(f"{error * 1.005:.2e}")


def read_run(folder: Path, file: str, device: str) -> dict | None:
    """What a run of the topic's tests found, None where there is none.

    Raises BadInput where it can't be trusted, saying why and how to mend it.
    """
    document = read(folder, f"{topic(file)}/{device}.json", "run")
    if document is not None and document["device"] != device:
        raise BadInput(
            f"{folder.name}/{topic(file)}/{device}.json：里面是 {document['device']} 的证据。"
            f"删去它，重新运行 {PROVE} {file} --device {device}。"
        )
    return document


def read_mutants(folder: Path, file: str) -> dict | None:
    """Which mutants of the topic were noticed. As above."""
    return read(folder, f"{topic(file)}/{MUTANTS}.json", "mutants")


def read_flows(folder: Path, file: str) -> dict | None:
    """How tensors go through the topic's code. As above."""
    return read(folder, f"{topic(file)}/{FLOW}.json", "flow")


def read(folder: Path, name: str, kind: str) -> dict | None:
    path = folder / name
    return parse(path.read_bytes(), f"{folder.name}/{name}", kind) if path.exists() else None


def is_old(folder: Path) -> bool:
    """Whether it holds evidence of the first format: one file for everything."""
    return any((folder / name).is_file() for name in OLD)


def refuse_constant(name: str) -> None:
    """NaN and Infinity are Python's, not JSON's; and no measured error is either."""
    raise json.JSONDecodeError(name, "", 0)


@functools.lru_cache(maxsize=64)
def parse(data: bytes, shown_as: str, kind: str) -> dict:
    mend = f"这个文件由 {PROVE} 写成，不要手工修改：删去它，重新运行 {PROVE}。"
    document = decode(data, shown_as, mend)
    version = document.get("schema") if isinstance(document, dict) else None
    if version != VERSION:
        raise BadInput(f"{shown_as}：格式的版本是 {version!r}，应为 {VERSION}。{mend}")
    try:
        validator(kind)(document)
    except fastjsonschema.JsonSchemaValueException as error:
        raise BadInput(f"{shown_as}：内容不合格式（{error.message[:200]}）。{mend}") from None
    if document["digest"] != digest(document):
        raise BadInput(f"{shown_as}：内容与文件里的摘要不符，被改动过。{mend}")
    if kind != "run":
        return document
    try:
        return unpack(document)
    except IndexError:
        raise BadInput(f"{shown_as}：内容不合格式（编号指到了表外）。{mend}") from None


def decode(data: bytes, shown_as: str, mend: str) -> object:
    """What a file of JSON holds. Raises BadInput, which ends with `mend`."""
    try:
        text = data.decode("utf-8")
        for number, line in enumerate(text.split("\n"), 1):
            if line.startswith(("<<<<<<< ", ">>>>>>> ")):
                raise BadInput(f"{shown_as}:{number}：有没解决的合并冲突（{line[:20]}）。{mend}")
        return json.loads(text, parse_constant=refuse_constant)
    except UnicodeDecodeError:
        raise BadInput(f"{shown_as}：不是 UTF-8 编码的 JSON。{mend}") from None
    except json.JSONDecodeError as error:
        raise BadInput(
            f"{shown_as}:{error.lineno}：不是完整的 JSON（{error.msg}）。{mend}"
        ) from None
