"""What the tests of a topic see of the shell that started them: next to nothing."""

import os
from pathlib import Path

KEPT = (
    "CUDA_VISIBLE_DEVICES",
    "LD_LIBRARY_PATH",
    "NUMBER_OF_PROCESSORS",
    "PATH",
    "PATHEXT",
    "SYSTEMDRIVE",
    "SYSTEMROOT",
    "WINDIR",
)
OWN = ("TMPDIR", "TEMP", "TMP", "HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA")
"""Point to a folder of the run's own."""


def clean_environment(folder: Path, threads: int = 0) -> dict[str, str]:
    found = {name: os.environ[name] for name in KEPT if name in os.environ}
    found |= dict.fromkeys(OWN, str(folder))
    found["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    found["LANG"] = "C.UTF-8"
    if threads:
        found |= dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
    return found
