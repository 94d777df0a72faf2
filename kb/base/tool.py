"""Where the tool comes from, as a base has to say it: it is on no index.

pip keeps the address that something was installed from (PEP 610, `direct_url.json`). One that
others can reach is named as it is; of a tool installed from a folder or a file, a wheel goes into
the base.
"""

import base64
import hashlib
import importlib.metadata
import json
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path

import kb
from kb.markdown.engine import BadInput

NAME = "evidence-notes"
VENDOR = "vendor"
WHEEL = "Wheel-Version: 1.0\nGenerator: kb\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


@dataclass(frozen=True)
class Tool:
    """How a base names it."""

    requirement: str
    with_tests: str
    find_links: str
    """What pip needs besides, with a space after it."""
    where: str
    """In words, for README."""
    move: str
    """How to take a newer one."""


def named(url: str) -> Tool:
    return Tool(
        f"{NAME} @ {url}",
        f"{NAME}[test] @ {url}",
        "",
        f"从 <{url.partition('+')[2] or url}> 安装",
        "改那里的地址",
    )


def vendored(version: str) -> Tool:
    return Tool(
        f"{NAME}=={version}",
        f"{NAME}[test]=={version}",
        f"--find-links {VENDOR} ",
        f"`{VENDOR}/` 里的 wheel",
        f"把新的 wheel 放进 `{VENDOR}/`，改那里的版本",
    )


def provide(root: Path, chosen: str | None) -> Tool:
    """How the base in `root` names the tool; a wheel of it lies there if it has to.

    `chosen` is an address, or the path of a wheel. Raises BadInput where it is neither.
    """
    if chosen and "://" in chosen:
        return named(chosen)
    if chosen:
        return copied(root, Path(chosen))
    installed = distribution()
    if url := reachable(json.loads(installed.read_text("direct_url.json") or "{}")):
        return named(url)
    write_wheel(root / VENDOR, installed)
    return vendored(installed.version)


def copied(root: Path, wheel: Path) -> Tool:
    parts = wheel.name.split("-")
    if wheel.suffix != ".whl" or parts[0] != NAME.replace("-", "_") or not wheel.is_file():
        raise BadInput(
            f"--tool 应是 git+https://…、https://… 这样的地址，或者 {NAME.replace('-', '_')}-….whl 的路径，"
            f"得到 {str(wheel)!r}。"
        )
    (root / VENDOR).mkdir()
    shutil.copy(wheel, root / VENDOR)
    return vendored(parts[1])


def distribution() -> importlib.metadata.Distribution:
    """What is installed, not what lies in the folder that we happen to be in."""
    for found in importlib.metadata.distributions(name=NAME):
        if found.read_text("RECORD") is not None:
            return found
    raise BadInput(f"看不出 {NAME} 是从哪里安装的。用 --tool 写上它的地址。")


def reachable(origin: dict) -> str | None:
    """The address in PEP 610's `direct_url.json`, where others can reach it."""
    url = origin.get("url", "")
    if not url or url.startswith("file:"):
        return None
    if vcs := origin.get("vcs_info"):
        url = f"{vcs['vcs']}+{url}@{vcs['commit_id']}"
    return url + (f"#subdirectory={origin['subdirectory']}" if "subdirectory" in origin else "")


def write_wheel(folder: Path, installed: importlib.metadata.Distribution) -> Path:
    """The wheel that would be installed now, of the files that are (PEP 427).

    The same files give the same bytes.
    """
    package = Path(kb.__file__).parent
    stem = f"{NAME.replace('-', '_')}-{installed.version}"
    files = {
        path.relative_to(package.parent).as_posix(): path.read_bytes()
        for path in sorted(package.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
    info = f"{stem}.dist-info"
    for name in ("METADATA", "entry_points.txt", "licenses/LICENSE"):
        if (text := installed.read_text(name)) is not None:
            files[f"{info}/{name}"] = text.encode()
    files[f"{info}/WHEEL"] = WHEEL.encode()
    record = [f"{name},{digest(data)},{len(data)}" for name, data in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,", ""]).encode()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        for name, data in files.items():
            wheel.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)
    return path


def digest(data: bytes) -> str:
    found = hashlib.sha256(data).digest()
    return "sha256=" + base64.urlsafe_b64encode(found).rstrip(b"=").decode()
