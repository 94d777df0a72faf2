"""How fast the site is made, next to other generators on the same notes.

    python -m benchmarks.site [--notes 168,1000,10000] [--rounds 5,3,1] [--quick] [--json FILE]

The generators take turns, so that whatever else the machine does falls on all of them; what
is reported are ratios to Hexo within the one run, of medians. All cold builds come first, and
what they made is kept to the end of the run: where many files were deleted, ext4 is slow at
making new ones for minutes after, and one generator would pay for another. Measured of each:

| name | what |
|---|---|
| cold | seconds to build with nothing left of an earlier build |
| rebuild | seconds to build again after one note was changed |
| visible | seconds from saving a note to its new page being served |
| memory | peak bytes of the cold build, all processes together |
| site | bytes of all files built |
| index | bytes of what search loads from; ours loads some of it |

`growth` is the exponent of cost against the number of notes, fitted on log-log: 1 is linear.
A generator that comes to grief over so many notes is left out of what they give, and the
others go on. The file is written after each number of notes.
"""

import argparse
import json
import statistics
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from benchmarks.engines import ENGINES, Engine
from benchmarks.growth import exponent
from benchmarks.measure import Failed, free_port, run, serving, wait_for_page
from tests.kb.generator import Note, make_notes

MEASURES = ("cold", "rebuild", "visible", "memory", "site", "index")
PEER = "hexo"
LIMIT = 3600
"""Seconds that a page may take to come."""

Figures = dict[str, list[float]]
"""Measure → one figure a round."""


def measure(
    notes: list[Note], rounds: int, cache: Path, folder: Path
) -> tuple[dict[str, Figures], dict[str, str]]:
    """Every generator, `rounds` times, taking turns; and why some have no figures."""
    engines = []
    for make in ENGINES:
        root = folder / make.name
        root.mkdir()
        engines.append(make(root, cache))
        engines[-1].lay_out(notes)
    figures: dict[str, Figures] = {engine.name: defaultdict(list) for engine in engines}
    failed: dict[str, str] = {}
    for name, measure_once in (("冷构建", measure_cold), ("改一篇", measure_edit)):
        for turn in range(rounds):
            for engine in [engine for engine in engines if engine.name not in failed]:
                say(f"{len(notes)} 篇，{name}第 {turn + 1}/{rounds} 轮：{engine.name}")
                try:
                    found = measure_once(engine, notes[0], turn)
                except Failed as error:
                    say(str(error))
                    failed[engine.name] = str(error).partition("\n")[0]
                    del figures[engine.name]
                else:
                    for what, figure in found.items():
                        figures[engine.name][what].append(figure)
    return figures, failed


def measure_cold(engine: Engine, note: Note, turn: int) -> dict[str, float]:
    output = engine.root / engine.output
    engine.make_cold()
    cold = run(engine.build(), engine.root / "benchmark.log")
    found = {"cold": cold.seconds}
    if cold.peak_bytes:
        found["memory"] = cold.peak_bytes
    found["site"] = size(output)
    found["index"] = size(output / engine.index)
    expect(engine, note, "")
    return found


def size(path: Path) -> int:
    """Bytes of a file, or of all below a folder."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(each.stat().st_size for each in files if each.is_file())


def measure_edit(engine: Engine, note: Note, turn: int) -> dict[str, float]:
    log = engine.root / "benchmark.log"
    found = {}
    words = f"改动{turn}号"
    append(engine.note_path(note), words)
    found["rebuild"] = run(engine.build(), log).seconds
    expect(engine, note, words)

    port = free_port()
    page = f"http://127.0.0.1:{port}/posts/{note.abbrlink}/"
    with serving(engine.serve(port), log):
        wait_for_page(page, words, LIMIT)
        words = f"保存{turn}号"
        append(engine.note_path(note), words)
        found["visible"] = wait_for_page(page, words, LIMIT)
    return found


def append(note: Path, words: str) -> None:
    note.write_text(note.read_text("utf-8") + f"\n{words}\n", "utf-8")


def expect(engine: Engine, note: Note, words: str) -> None:
    """Raises Failed where the page was not built, or is an old one."""
    page = engine.root / engine.output / f"posts/{note.abbrlink}/index.html"
    if not page.exists() or words not in page.read_text("utf-8"):
        raise Failed(f"{engine.name} 构建之后，{page} 里没有 {words!r}")


def summarise(figures: dict[int, dict[str, Figures]]) -> dict:
    """Medians, their ratios to Hexo, and how they grow with the number of notes."""
    medians = {
        count: {
            name: {what: statistics.median(of[what]) for what in MEASURES if what in of}
            for name, of in engines.items()
        }
        for count, engines in figures.items()
    }
    ratios = {
        count: {
            name: {what: figure / engines[PEER][what] for what, figure in of.items()}
            for name, of in engines.items()
            if name != PEER
        }
        for count, engines in medians.items()
        if PEER in engines
    }
    growth = {}
    for name in dict.fromkeys(name for engines in medians.values() for name in engines):
        counts = sorted(count for count in medians if name in medians[count])
        if len(counts) > 1:
            growth[name] = {
                what: fit(counts, [medians[count][name][what] for count in counts])
                for what in medians[counts[0]][name]
            }
    return {"medians": medians, "ratios": ratios, "growth": growth, "rounds": figures}


def fit(counts: list[int], costs: list[float]) -> dict[str, float]:
    """Least squares: cost ≈ fixed + each × notes, and cost ∝ notes ** exponent.

    `last_step` is the exponent between the two largest numbers of notes alone, where what
    is fixed weighs least.
    """
    straight = statistics.linear_regression(counts, costs)
    return {
        "fixed": straight.intercept,
        "each": straight.slope,
        "exponent": exponent(counts, costs),
        "last_step": exponent(counts[-2:], costs[-2:]),
    }


def report(summary: dict) -> str:
    lines = []
    for count, engines in summary["ratios"].items():
        lines += [f"\n{count} 篇，与 Hexo 之比：", row("", MEASURES)]
        for name, of in engines.items():
            lines.append(row(name, [f"{of[what]:.2f}" if what in of else "—" for what in MEASURES]))
        hexo = summary["medians"][count][PEER]["cold"]
        for name, of in engines.items():
            visible = summary["medians"][count][name]["visible"] / hexo
            lines.append(f"  {name} 保存到看见，是 Hexo 冷构建的 {visible:.2f}")
    for count, reasons in summary.get("failed", {}).items():
        lines += [f"\n{count} 篇，{name} 没有量成：{why}" for name, why in reasons.items()]
    if summary["growth"]:
        lines += ["\n随篇数增长的指数（末段）：", row("", MEASURES)]
        for name, of in summary["growth"].items():
            cells = [of.get(what) for what in MEASURES]
            cells = [f"{f['exponent']:.2f}（{f['last_step']:.2f}）" if f else "—" for f in cells]
            lines.append(row(name, cells))
    return "\n".join(lines)


def row(name: str, cells) -> str:
    return f"{name:10}" + "".join(f"{cell:>14}" for cell in cells)


def say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.site", description="站点有多快")
    parser.add_argument("--notes", default="168,1000,10000", help="篇数，逗号隔开")
    parser.add_argument("--rounds", default="5,3,1", help="每种篇数几轮，逗号隔开")
    parser.add_argument("--quick", action="store_true", help="20 篇和 60 篇各一轮，只看能不能跑")
    parser.add_argument("--json", type=Path, help="结果写进这个文件")
    cache = Path.home() / ".cache/evidence-notes-benchmarks"
    parser.add_argument("--cache", type=Path, default=cache, help="Hexo 和 zensical 装在哪里")
    options = parser.parse_args()
    counts = [int(count) for count in ("20,60" if options.quick else options.notes).split(",")]
    rounds = [int(count) for count in ("1" if options.quick else options.rounds).split(",")]
    rounds += rounds[-1:] * (len(counts) - len(rounds))
    figures, failed = {}, {}
    try:
        for make in ENGINES:
            make(Path(), options.cache.resolve()).install()
    except Failed as error:
        sys.exit(str(error))
    with tempfile.TemporaryDirectory(prefix="site-") as folder:
        for count, turns in zip(counts, rounds, strict=False):
            here = Path(folder, str(count))
            here.mkdir()
            figures[count], failed[count] = measure(
                list(make_notes(count)), turns, options.cache.resolve(), here
            )
            summary = summarise(figures) | {"failed": failed}
            if options.json:
                text = json.dumps(summary, ensure_ascii=False, indent=2) + "\n"
                options.json.write_text(text, encoding="utf-8")
    print(report(summary))
    if any(failed.values()):
        sys.exit(1)


if __name__ == "__main__":
    main()
