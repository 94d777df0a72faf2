"""本站的照片：连数据不到 300 kB，权重是现在的代码算的，说明了是谁拍的、特征是什么。"""

import struct
import zlib

import torch

from benchmarks import looking
from kb.figures.measured import parse
from tests.kb.lab import ROOT

FILE = ROOT / "benchmarks/figures/looking.json"
FIGURE = parse(FILE.read_bytes(), FILE.name)["figures"]["photograph"]


def test_it_is_small():
    files = (ROOT / looking.PHOTO, ROOT / looking.WEIGHTS, FILE, ROOT / "kb/theme/assets/looking.js")
    assert sum(path.stat().st_size for path in files) < 300_000


def test_the_weights_are_those_of_the_code():
    forms, count = len(looking.FORMS), looking.WIDE * looking.HIGH
    data = zlib.decompress((ROOT / looking.WEIGHTS).read_bytes())
    maxima = torch.tensor(struct.unpack(f"<{forms * count}f", data[: 4 * forms * count])).reshape(forms, count, 1)
    levels = torch.tensor(list(data[4 * forms * count :])).reshape(forms, count, count)
    for form, weights in enumerate(looking.all_weights(looking.features())):
        assert ((levels[form] / 255 * maxima[form]) - weights).abs().max() < 0.5 / 255 * weights.max() + 1e-6


def test_which_rows_add_up_to_one():
    by_row, by_column, *others = looking.all_weights(looking.features())
    for weights in (by_row, *others, by_column.mT):
        assert torch.allclose(weights.sum(1), torch.ones(len(weights), dtype=weights.dtype))
    assert (by_column.sum(1) - 1).abs().max() > 0.1


def test_what_is_said():
    assert "没有训练过的模型" in FIGURE["caption"] and "固定种子的随机数" in FIGURE["caption"]
    assert (FIGURE["credit"]["author"], FIGURE["credit"]["licence"]) == ("Daniel Buechele", "CC BY 2.0")
