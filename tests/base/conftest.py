"""本站：构建一次，在本机起一个服务，用真正的 Chromium 打开。"""

import functools
import subprocess
import sys

import pytest
from bs4 import BeautifulSoup

from tests.kb.lab import ROOT, once
from tests.site.conftest import browser, served, tabs_on  # noqa: F401

NOTE = "posts/681746266/"


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The folder of the built site: `mkdocs build --strict` passes."""

    def make(folder):
        done = subprocess.run(
            [sys.executable, "-m", "mkdocs", "build", "--strict", "-f", ROOT / "mkdocs.yml", "-d", folder],
            capture_output=True,
            text=True,
            encoding="utf-8",
        )
        assert done.returncode == 0, done.stderr

    return once(tmp_path_factory, "site", make)


@pytest.fixture(scope="session")
def read(site):
    """A page of the built site, parsed."""

    @functools.cache
    def read(address):
        return BeautifulSoup((site / address / "index.html").read_text("utf-8"), "html.parser")

    return read


@pytest.fixture(scope="session")
def address(site):
    with served(site) as address:
        yield address


@pytest.fixture
def tab(browser, address):
    with tabs_on(browser, address) as new:
        yield new
