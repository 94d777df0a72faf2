"""一次编出来的测量：每种点都有。"""

import copy
import json
from pathlib import Path

from kb.evidence.keys import sha256
from kb.evidence.store import digest

TIME = {
    "kind": "plot",
    "title": "前向的时间",
    "caption": "每个点是 7 次的中位数。",
    "x": {"label": "位置数 N"},
    "y": {"label": "时间", "unit": "s"},
    "series": [
        {
            "name": "别人 <a> &lt;",
            "points": [
                {"x": 10, "y": 0.001},
                {"x": 100, "y": 1.0},
                {"x": 1000, "y": None, "why": "内存不够"},
            ],
        },
        {
            "name": "本站",
            "ours": True,
            "slope": 1.004,
            "points": [{"x": 10, "y": 0.01}, {"x": 100, "y": 0.1}, {"x": 1000, "y": 0.1}],
        },
    ],
}
GOALS = {
    "kind": "table",
    "title": "目标",
    "columns": ["目标", "结果"],
    "rows": [["不慢", "1.02 倍"], ["<省> &amp;", "是"]],
}
ENVIRONMENT = {
    "python": "3.11.7",
    "system": "Linux",
    "processor": "某种处理器",
    "driver": None,
    "packages": {"torch": "2.13.0", "mmcv": "2.2.0"},
}


def embed(target: str) -> str:
    return f'``` {{.figure .embed}}\n--8<-- "{target}"\n```\n\n'


def signed(document: dict) -> str:
    """As a benchmark writes it, with the digest."""
    return json.dumps({"digest": digest(document)} | document, ensure_ascii=False, indent=1)


def measurement(root: Path, *inputs: str) -> dict:
    """What a benchmark would write that depends on these files, as they are now; the goals
    depend on the last of them alone."""
    return {
        "recorded": "2026-11-25T09:00:00Z",
        "command": "python -m benchmarks --only x",
        "device": "cpu",
        "environment": copy.deepcopy(ENVIRONMENT),
        "inputs": {path: sha256((root / path).read_bytes()) for path in inputs},
        "figures": {"time": copy.deepcopy(TIME), "goals": {**copy.deepcopy(GOALS), "inputs": [inputs[-1]]}},
    }
