"""The packages that a run imported: each file of them is the one that its wheel brought.

A file outside of the project counts as a package's only where the `RECORD` of an installed
distribution lists it, with the digest that it has. The tool itself is excepted: the version of its
rules is in every key.
"""

import base64
import csv
import functools
import hashlib
import importlib.metadata
import io
import os
from collections.abc import Iterable
from typing import NamedTuple

from kb.markdown.engine import BadInput

COMPILED = (".pyc", ".pyo")
REINSTALL = "重新安装它，再运行一次。"


class Listed(NamedTuple):
    package: str
    digest: str
    """As RECORD writes it; empty where it says none."""


def check_packages(paths: Iterable[str], borrowed: Iterable[str] = ()) -> dict[str, str]:
    """Name → version of the packages that these files belong to.

    `borrowed` are those that the project's own code opens. Raises BadInput about the first that
    isn't as it was installed.
    """
    borrowed = set(borrowed)
    listed, versions = installed()
    found = {}
    for path in sorted({*paths, *borrowed}):
        if path.endswith(COMPILED) or not os.path.isfile(path):
            continue
        entry = listed.get(path) or linked().get(path)
        if entry is None:
            if is_code(path) or path in borrowed:
                raise BadInput(f"{path} 不在任何一个包的 RECORD 里，不知道它是什么。{REINSTALL}")
            continue
        if entry.digest and entry.digest != digest(path):
            raise BadInput(f"{path} 与 {entry.package} 装来的不同。{REINSTALL}")
        if is_code(path):
            found[entry.package] = versions[entry.package]
    return dict(sorted(found.items()))


@functools.cache
def installed() -> tuple[dict[str, Listed], dict[str, str]]:
    """Every file that some RECORD lists, and the version of every package."""
    listed, versions = {}, {}
    real = functools.cache(os.path.realpath)
    for distribution in importlib.metadata.distributions():
        record = distribution.read_text("RECORD")
        name = distribution.metadata["Name"]
        if record is None or name is None or name in versions:
            continue
        versions[name] = distribution.version
        base = str(distribution.locate_file(""))
        for row in csv.reader(io.StringIO(record)):
            if len(row) == 3:
                folder, file = os.path.split(os.path.normpath(os.path.join(base, row[0])))
                entry = Listed(name, row[1])
                listed[f"{folder}{os.sep}{file}"] = listed[f"{real(folder)}{os.sep}{file}"] = entry
    return listed, versions


@functools.cache
def linked() -> dict[str, Listed]:
    """Those files by where they lead, where an installer makes a link of each; it takes long."""
    return {os.path.realpath(path): entry for path, entry in installed()[0].items()}


def digest(path: str) -> str:
    with open(path, "rb") as file:
        found = hashlib.file_digest(file, "sha256").digest()
    return "sha256=" + base64.urlsafe_b64encode(found).rstrip(b"=").decode()


def is_code(path: str) -> bool:
    return path.endswith((".py", ".so", ".pyd", ".dll", ".dylib"))
