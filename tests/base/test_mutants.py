"""改错的处数只能更多，不能因为改了算子就少了。"""

import pytest

from kb.evidence.mutants import make_mutants
from tests.kb.lab import ROOT

KEPT = {"channel_attention.py": 77, "distributed.py": 202, "non_local.py": 628, "self_attention.py": 508}
"""从前的算子在每个文件里改错几处：只能更多。"""


@pytest.mark.parametrize("file", KEPT)
def test_no_place_is_lost(file):
    source = (ROOT / "snippets" / file).read_text("utf-8")
    assert len(make_mutants(file, source)) >= KEPT[file]
