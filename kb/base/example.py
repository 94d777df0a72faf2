"""Proves the code of the example anew: `python -m kb.base.example` writes what comes with the tool.

To be run where `kb.proof.RULES` or the example has changed; `tests/kb/base` notices.
"""

import shutil
import tempfile
from pathlib import Path

from kb.base.new import EVIDENCE, Answers, make_base
from kb.evidence import store
from kb.evidence.mutate import Campaign
from kb.evidence.record import record

FILE = "moving_average.py"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = make_base(Path(folder) / "base", Answers("示例"))
        store.write_run(root / store.FOLDER, FILE, record(root, FILE, "cpu", Path(folder)))
        Campaign(root, [FILE]).run(2, lambda topic, mutant: None)
        for path in (root / store.FOLDER / store.topic(FILE)).glob("*.json"):
            target = EVIDENCE / store.topic(FILE) / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
            print(target)


if __name__ == "__main__":
    main()
