"""How well search finds, what it fetches and how long it takes.

    python -m benchmarks.search [--notes 150] [--missed]

Builds a base of generated notes with MkDocs; of more than `BUILT` it makes the index alone, from their
Markdown. Into one each of `searches.json` something is written that is to be
found: a title, a heading or a sentence; what is asked for is written there too. The search of the
site itself answers, run by Node, each query in a fresh one. A table comes out: how many of each kind
of queries are answered by the right note first, or among the first five; bytes, with gzip, until
the first answer, scripts included; milliseconds without the network.
"""

import argparse
import gzip
import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import yaml

from kb.base.new import Answers, make_base
from kb.site.search import Index
from kb.site.searched import Section
from tests.kb.generator import make_notes

HERE = Path(__file__).parent
ASSETS = HERE.parent / "kb/theme/assets"
BUILT = 1000
SCRIPTS = ("search.js", "finding.js", "matching.js", "words.js", "excerpt.js")
RUN = """
import {readFileSync} from "node:fs"
import {gzipSync} from "node:zlib"
import {Finder} from "./finding.js"
const [folder, queries] = [process.argv[2], JSON.parse(readFileSync(process.argv[3], "utf8"))]
const answers = []
const ask = async query => {
  let bytes = 0, files = 0, reading = 0
  const finder = new Finder(async name => {
    const start = performance.now()
    const text = readFileSync(`${folder}/${name}`)
    bytes += gzipSync(text).length
    files++
    const value = JSON.parse(text)
    reading += performance.now() - start
    return value
  })
  await finder.open()
  await (await finder.find(query)).next()
  const again = performance.now()
  const results = await finder.find(query)
  const found = (await results.next()).map(each => each.address)
  return {found, bytes, files, isWhole: results.isWhole, ms: performance.now() - again}
}
for (const query of [...queries.slice(0, 3), ...queries]) answers.push(await ask(query))
console.log(JSON.stringify(answers.slice(3)))
"""


def read_searches() -> list[list]:
    """Kind of the query, heading, title, sentence and query, each."""
    return json.loads((HERE / "searches.json").read_text("utf-8"))


def make_site(root: Path, count: int, searches: list[list]) -> list[str]:
    """Where the answer to each query stands, in a site of so many notes below `root`."""
    make_base(root, Answers("找", "张三", "CC BY 4.0"))
    places = {2 * number + 1: each for number, each in enumerate(searches)}
    answers = {}
    index = Index()
    for note in make_notes(max(count, 2 * len(searches) + 2)):
        text = note.text
        if search := places.get(note.number):
            text = plant(note, search)
            answers[note.number] = f"posts/{note.abbrlink}/"
        if count > BUILT:
            index.add_page(f"posts/{note.abbrlink}/", [*sections_of(text)])
        else:
            (root / f"docs/posts/{note.abbrlink}.md").write_text(text, "utf-8")
    if count > BUILT:
        index.write(root / "site/search")
        return [answers[number] for number in places]
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "-q"], cwd=root, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(done.stderr)
    return [answers[number] for number in places]


def sections_of(markdown: str) -> Iterator[Section]:
    """About what stands on the note's page."""
    _, head, body = markdown.split("---\n", 2)
    title = yaml.safe_load(head)["title"]
    for number, part in enumerate(re.split(r"^#+ (?:\[√\] )?", f"{title}\n{body}", flags=re.MULTILINE)):
        heading, _, text = part.partition("\n")
        text = re.sub(r"!\[.*?\]\(.*?\)|[*`$>]|^---$", "", text, flags=re.MULTILINE)
        yield Section(f"s{number}" if number else "", str(heading), re.sub(r"\s*\n\s*", "\n", text).strip())


def titles(count: int, planted: set[int]) -> Iterator[tuple[list, str]]:
    """Searches for generated notes by two words of their titles, where no other title has both, and
    where the answers stand: such words stand in half of all notes.
    """
    notes = list(make_notes(count))
    for note in notes:
        if note.number in planted:
            continue
        parts = re.findall(r"[一-鿿]{2,}|[A-Za-z][A-Za-z0-9+-]+", note.title.split(" - ")[1])[-2:]
        if sum(all(part in other.title for part in parts) for other in notes) == 1:
            yield ["常见词", "", "", "", " ".join(parts)], f"posts/{note.abbrlink}/"


def plant(note, search: list) -> str:
    """The note, with what is to be found in its middle."""
    _, heading, title, sentence, _ = search
    text = note.text.replace(note.title, title, 1) if title else note.text
    blocks = text.split("\n\n")
    middle = next(
        place for place in range(len(blocks) // 2, len(blocks)) if blocks[place].startswith("#") or place == len(blocks) - 1
    )
    return "\n\n".join([*blocks[:middle], *([f"## {heading}"] if heading else []), sentence, *blocks[middle:]])


def ask(site: Path, queries: list[str]) -> list[dict]:
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        for name in SCRIPTS:
            shutil.copy(ASSETS / name, here)
        (here / "package.json").write_text('{"type": "module"}', "utf-8")
        (here / "run.mjs").write_text(RUN, "utf-8")
        (here / "queries.json").write_text(json.dumps(queries), "utf-8")
        done = subprocess.run(
            ["node", "run.mjs", str(site / "search"), "queries.json"],
            cwd=here, capture_output=True, text=True, encoding="utf-8", check=False,
        )
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout)


def report(searches: list[list], places: list[str], answers: list[dict], missed: bool) -> str:
    scripts = sum(len(gzip.compress((ASSETS / name).read_bytes())) for name in SCRIPTS)
    kinds: dict[str, list[int]] = {}
    lines = []
    for (kind, *_, query), place, answer in zip(searches, places, answers, strict=True):
        rank = answer["found"].index(place) + 1 if place in answer["found"] else 0
        kinds.setdefault(kind, []).append(rank)
        if missed and rank != 1:
            lines.append(f"没有排在第一：{kind} {query!r}：{f'第 {rank}' if rank else '没有'}，{'全有' if answer['isWhole'] else '相近'}")
    lines.append("| 问法 | 几个 | recall@1 | recall@5 |\n|---|---|---|---|")
    kinds["全部"] = [rank for ranks in list(kinds.values()) for rank in ranks]
    for kind, ranks in kinds.items():
        first, five = (sum(0 < rank <= most for rank in ranks) / len(ranks) for most in (1, 5))
        lines.append(f"| {kind} | {len(ranks)} | {first:.2f} | {five:.2f} |")
    sizes = [scripts + answer["bytes"] for answer in answers]
    times = [answer["ms"] for answer in answers]
    for name, values, unit in (("到第一次回答，gzip", [size / 1000 for size in sizes], "kB"), ("再问一次", times, "ms")):
        lines.append(f"{name}：中位数 {statistics.median(values):.0f} {unit}，最多 {max(values):.0f} {unit}")
    if missed:
        lines += [f"{answer['bytes'] / 1000:.0f} kB，{answer['files']} 个文件，{answer['ms']:.0f} ms：{search[-1]}" for answer, search in sorted(zip(answers, searches, strict=True), key=lambda pair: -pair[0]["bytes"])[:8]]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search", description="搜索找得准不准、快不快")
    parser.add_argument("--notes", type=int, default=150, help="多少篇笔记")
    parser.add_argument("--missed", action="store_true", help="列出没有排在第一的")
    parser.add_argument("--keep", type=Path, help="知识库留在这个文件夹；已经有了就不再建")
    options = parser.parse_args()
    searches = read_searches()
    with tempfile.TemporaryDirectory() as folder:
        root = options.keep or Path(folder, "base")
        known = root / "places.json"
        if known.exists():
            places = json.loads(known.read_text("utf-8"))
        else:
            root.mkdir(parents=True)
            places = make_site(root, options.notes, searches)
            known.write_text(json.dumps(places), "utf-8")
        for search, place in titles(min(options.notes, 200), {2 * number + 1 for number in range(len(searches))}):
            searches.append(search)
            places.append(place)
        answers = ask(root / "site", [search[-1] for search in searches])
    print(report(searches, places, answers, options.missed))


if __name__ == "__main__":
    main()
