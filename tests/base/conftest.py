"""本站：构建一次，在本机起一个服务，用真正的 Chromium 打开。"""

import functools

import pytest
from bs4 import BeautifulSoup

from tests.kb.lab import ROOT, once
from tests.kb.warm import run_module
from tests.site.conftest import browser, served, tabs_on  # noqa: F401

NOTE = "posts/681746266/"


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The folder of the built site: `mkdocs build --strict` passes."""

    def make(folder):
        code, said = run_module(ROOT, "mkdocs", "build", "--strict", "-d", folder)
        assert code == 0, said

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
