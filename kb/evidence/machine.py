"""The machine and the versions that something was measured or proven with."""

import importlib.metadata
import platform
import re
import subprocess
from pathlib import Path


def environment(device: str) -> dict:
    """Of this process, with the packages that measurements rest on."""
    import torch

    names = ("hypothesis", "pytest")
    packages = {name: importlib.metadata.version(name) for name in names}
    return machine(device) | {"packages": packages | {"torch": torch.__version__}}


def machine(device: str) -> dict:
    """Python, system, processor and, on a GPU, its driver."""
    processor, driver = cpu_model(), None
    if device == "cuda":
        import torch

        processor = torch.cuda.get_device_name()
        driver = gpu_driver()
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "processor": processor,
        "driver": driver,
    }


def gpu_driver() -> str | None:
    query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        return subprocess.run(
            query, capture_output=True, encoding="utf-8", check=True
        ).stdout.split("\n")[0]
    except (OSError, subprocess.CalledProcessError):
        return None


def cpu_model() -> str:
    """Its name, where the system tells it; or at least its kind."""
    info = Path("/proc/cpuinfo")
    names = (
        re.findall(r"^model name\s*: (.*)$", info.read_text("utf-8"), re.MULTILINE)
        if info.exists()
        else []
    )
    return names[0] if names else platform.processor() or platform.machine()
