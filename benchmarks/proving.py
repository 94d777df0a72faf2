"""证明一次改动要多久：同样的改动，在 4 个主题和 100 个主题的知识库里，`python -m benchmarks.proving`。

每个主题是一篇笔记、一个有两个区域的代码文件、它的测试；都证明过以后，改一个主题的测试里的一行注释，
看 kb prove、kb check、严格的构建各要多久，几个主题要重新证明。只比同一次运行里的比值。
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]

SNIPPET = '''\
"""第 {n} 个主题：加权的和，与它的平均。"""

import torch
from torch import Tensor


# --8<-- [start:weighted] 加权的和
def weighted(x: Tensor, weights: Tensor) -> Tensor:
    """Σ_k w_k x_k：x (..., K)，weights (K,)，返回 (...)。"""
    if x.shape[-1] != weights.shape[0]:
        raise ValueError(f"x 的最后一维应为 {{weights.shape[0]}}，得到 {{x.shape[-1]}}")
    return (x * weights).sum(-1) + {n}
# --8<-- [end:weighted]


# --8<-- [start:mean] 平均
def mean(x: Tensor) -> Tensor:
    """权重都是 1/K：x (..., K)，返回 (...)。"""
    size = x.shape[-1]
    return weighted(x, torch.full((size,), 1 / size, dtype=x.dtype)) - {n}
# --8<-- [end:mean]
'''
TESTS = '''\
"""第 {n} 个主题：与手算的值相比。"""

import torch

from kb.proof import assert_agrees, assert_refuses
from snippets.topic_{n} import mean, weighted


def test_weighted(dtype):
    x = torch.tensor([[1.0, 2.0], [3.0, 5.0]], dtype=dtype)
    weights = torch.tensor([2.0, 4.0], dtype=dtype)
    assert_agrees(weighted(x, weights), torch.tensor([10.0 + {n}, 26.0 + {n}]), "手算的值")


def test_refuses():
    assert_refuses("^x 的最后一维应为 2，得到 1$", weighted, torch.ones(1), torch.ones(2))


def test_mean():
    x = torch.tensor([[[1.0, 2.0, 6.0]]], dtype=torch.float64)
    assert_agrees(mean(x), torch.tensor([[3.0]]), "手算的值")
'''
NOTE = """\
---
title: 第 {n} 个主题
date: 2024-01-01 10:00:00
abbrlink: {n}
tags: [标签 {tag}]
---

## 加权的和

把每个数乘上它的权重，再加起来。

``` {{.python .embed}}
--8<-- "topic_{n}.py:weighted"
```

## 平均

权重都一样，就是平均。

``` {{.python .embed}}
--8<-- "topic_{n}.py:mean"
```

"""


def run(root: Path, *command: str) -> float:
    """How many seconds it took. Raises CalledProcessError where it fails."""
    started = time.monotonic()
    log = root.with_suffix(".log")
    with open(log, "w", encoding="utf-8") as file:
        done = subprocess.run(command, cwd=root, stdout=file, stderr=subprocess.STDOUT)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} 以 {done.returncode} 结束：\n{log.read_text('utf-8')[-3000:]}")
    return time.monotonic() - started


def git(root: Path, *arguments: str) -> None:
    who = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *who, *arguments], cwd=root, check=True, capture_output=True)


def make(root: Path, topics: int) -> None:
    """A base with so many topics, committed."""
    for name in ("mkdocs.yml", "pyproject.toml", ".gitattributes", ".gitignore"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, root / name)
    settings = (root / "mkdocs.yml").read_text("utf-8")
    (root / "mkdocs.yml").write_text(without_nav(settings), "utf-8")
    source = root / "notes"
    for folder in ("snippets", "tests/snippets", "docs", "evidence", "benchmarks", "notes"):
        (root / folder).mkdir(parents=True)
    (root / "snippets/__init__.py").write_text("", "utf-8")
    (root / "docs/index.md").write_text("# 首页\n", "utf-8")
    for n in range(1, topics + 1):
        (root / f"snippets/topic_{n}.py").write_text(SNIPPET.format(n=n), "utf-8")
        (root / f"tests/snippets/test_topic_{n}.py").write_text(TESTS.format(n=n), "utf-8")
        (source / f"{n}.md").write_text(original(n), "utf-8")
    run(root, sys.executable, "-m", "kb", "add", str(source))
    for n in range(1, topics + 1):
        (root / f"docs/posts/{n}.md").write_text(NOTE.format(n=n, tag=n % 7), "utf-8")
    shutil.rmtree(source)
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "x")


def original(n: int) -> str:
    """The note before code was embedded."""
    blocks = NOTE.format(n=n, tag=n % 7).split("``` {.python .embed}\n")
    return blocks[0] + "".join(block.split("```\n\n", 1)[1] for block in blocks[1:])


def without_nav(settings: str) -> str:
    before, _, rest = settings.partition("\nnav:")
    lines = rest.split("\n")
    end = next((i for i, line in enumerate(lines[1:], 1) if line and not line.startswith((" ", "#"))), len(lines))
    return before + "\n" + "\n".join(lines[end:])


def measure(root: Path) -> dict[str, float]:
    """After one comment in one topic's tests."""
    path = root / "tests/snippets/test_topic_1.py"
    path.write_text(path.read_text("utf-8") + "# 一行注释\n", "utf-8")
    git(root, "commit", "-qam", "x")
    due = subprocess.run(
        [sys.executable, "-m", "kb", "prove", "--dry-run"], cwd=root, capture_output=True, encoding="utf-8"
    )
    return {
        "要重新证明的": due.stdout.count("：记录"),
        "kb prove": run(root, sys.executable, "-m", "kb", "prove"),
        "kb check": run(root, sys.executable, "-m", "kb", "check"),
        "严格的构建": run(root, sys.executable, "-m", "mkdocs", "build", "--strict"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--topics", default="4,100", help="几个主题，用逗号分开；默认 4,100")
    parser.add_argument("--json", type=Path, help="结果也写到这里")
    options = parser.parse_args()
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        roots = {int(topics): Path(folder) / topics for topics in options.topics.split(",")}
        for topics, root in roots.items():
            make(root, topics)
            seconds = run(root, sys.executable, "-m", "kb", "prove")
            print(f"{topics} 个主题：全部证明用了 {seconds:.0f} 秒（{os.cpu_count()} 核）", flush=True)
            git(root, "add", "-A")
            git(root, "commit", "-qm", "x")
        for topics, root in roots.items():
            found[topics] = measure(root)
    first = next(iter(found.values()))
    for topics, parts in found.items():
        whole, before = (sum(v for k, v in each.items() if k != "要重新证明的") for each in (parts, first))
        words = "，".join(f"{name} {value:.1f}" for name, value in parts.items())
        print(f"{topics} 个主题，改一行注释：{words}；合计 {whole:.1f} 秒，是 {next(iter(found))} 个主题时的 {whole / before:.2f} 倍")
    if options.json:
        options.json.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
