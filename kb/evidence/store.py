"""`evidence/<device>.json`: what a recorded test run found, and nothing that follows from it.

The format is described in `schema.json`. A digest over the whole shows careless
edits. Conclusions are drawn by `kb.evidence.judge`, each time anew.
"""

import functools
import json
import os
import tempfile
from pathlib import Path

import fastjsonschema

from kb.evidence.keys import sha256
from kb.markdown.engine import BadInput

DEVICES = {"cpu": "CPU", "cuda": "CUDA"}
"""Devices by name, as readers know them."""

RECORD = "python -m pytest --record-evidence"
MUTATE = "kb mutate"

SCHEMAS = json.loads((Path(__file__).parent / "schema.json").read_text("utf-8"))
VERSION = SCHEMAS["$defs"]["version"]["const"]


@functools.cache
def validator(kind: str):
    return fastjsonschema.compile({"$ref": f"#/$defs/{kind}", "$defs": SCHEMAS["$defs"]})


def write(path: Path, document: dict) -> None:
    """Replaces the file whole or not at all: an interrupted run leaves the old one."""
    document = document | {"schema": VERSION}
    document["digest"] = digest(document)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(handle, "w", encoding="utf-8", newline="\n") as file:
            json.dump(document, file, sort_keys=True, ensure_ascii=False, indent=1)
            file.write("\n")
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def digest(document: dict) -> str:
    rest = {name: value for name, value in document.items() if name != "digest"}
    return sha256(json.dumps(rest, sort_keys=True, ensure_ascii=False).encode())


def read(folder: Path, name: str, kind: str = "run") -> dict | None:
    """`<folder>/<name>.json`, None where there is none.

    Raises BadInput where it can't be trusted, saying why and how to mend it.
    """
    path = folder / f"{name}.json"
    if not path.exists():
        return None
    document = parse(path.read_bytes(), f"{folder.name}/{name}.json", kind)
    if kind == "run" and document["device"] != name:
        raise BadInput(
            f"{folder.name}/{name}.json：里面是 {document['device']} 的证据。删去它，在 {name} 上重新记录。"
        )
    return document


def refuse_constant(name: str) -> None:
    """NaN and Infinity are Python's, not JSON's; and no measured error is either."""
    raise json.JSONDecodeError(name, "", 0)


@functools.lru_cache(maxsize=8)
def parse(data: bytes, shown_as: str, kind: str) -> dict:
    command = MUTATE if kind == "mutation" else RECORD
    mend = f"这个文件由 {command} 写成，不要手工修改：删去它，重新运行 {command}。"
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
    return document


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
