"""kb pictures：取来什么、登记什么；断了接着来；只取容许的；删去没有人用的。"""

import hashlib
import io
import json
import re
import socket
import threading
from collections import Counter
from datetime import date

import pytest
from PIL import Image

from kb.markdown.engine import BadInput
from kb.pictures import keep
from kb.pictures.copies import Copy, lock_bytes, parse_lock, read_copies, shown_copies
from kb.pictures.wanted import find_wanted
from tests.kb.lab import configure
from tests.kb.pictures_server import png

HASH = hashlib.sha256(png()).hexdigest()
FILE = f"{HASH[:32]}.png"


class TestFetching:
    def test_a_copy_and_its_line(self, base, server):
        address = f"{server.address}/ok.png"
        base.note(1, address)
        output = base.pictures()
        assert "笔记里有别的网站上的图片 1 张：已有 0 张，取来 1 张（0.0 MB）。" in output
        assert base.files == {FILE} and (base.folder / FILE).read_bytes() == png()
        assert base.entries == {
            address: {
                "file": FILE,
                "bytes": len(png()),
                "sha256": HASH,
                "date": date.today().isoformat(),
                "width": 40,
                "height": 30,
            }
        }

    def test_what_notes_show(self, base, server):
        """封面、Markdown、HTML、引用式的；同一个地址一次，同样的内容一个文件。"""
        s = server.address
        base.note(1, f"{s}/ok.png", f"{s}/ok.png?a=1&b=2", head=f"index_img: {s}/ok.png?cover\n")
        base.project.write("docs/posts/2.md", f'<img src="{s}/ok.png?html&amp;x">\n\n![图][a] [链接]({s}/page)\n\n[a]: {s}/ok.png?ref\n')
        base.note(3)
        base.pictures("--all")
        assert sorted(server.asked) == [f"/ok.png{query}" for query in ("", "?a=1&b=2", "?cover", "?html&x", "?ref")]
        assert base.files == {FILE} and len(base.entries) == 5

    def test_goes_on_where_it_was(self, base, server):
        base.note(1, f"{server.address}/ok.png", f"{server.address}/drawn")
        base.pictures()
        server.asked.clear()
        assert "已有 2 张，取来 0 张" in base.pictures()
        (base.folder / FILE).write_bytes(b"half")
        base.pictures()
        assert server.asked == ["/ok.png"] and (base.folder / FILE).read_bytes() == png()

    def test_what_was_ended_half_way_keeps_what_had_come(self, base, server, monkeypatch):
        base.note(1, *(f"{server.address}/ok.png?{number}" for number in range(5)))
        write, count = keep.Writer.write, []

        def until(self, *arguments):
            count.append(arguments)
            if len(count) == 3:
                raise KeyboardInterrupt
            return write(self, *arguments)

        monkeypatch.setattr(keep.Writer, "write", until)
        with pytest.raises(KeyboardInterrupt):
            keep.keep_pictures(base.root, local=True)
        assert len(base.entries) == 2
        monkeypatch.undo()
        server.asked.clear()
        keep.keep_pictures(base.root, local=True)
        assert len(server.asked) == 3 and len(base.entries) == 5

    def test_one_that_fails_keeps_nobody(self, base, server):
        s = server.address
        base.note(1, f"{s}/gone", f"{s}/ok.png", f"{s}/huge", f"{s}/evil")
        code, output = base.kb("pictures", "--local")
        assert code == 1 and base.files == {FILE}
        assert f"没有取成：docs/posts/1.md:5：{s}/gone（回答 404）" in output
        assert f"没有取成：docs/posts/1.md:9：{s}/huge（超过 20 MB）" in output
        assert "取来 1 张（0.0 MB），没有取成 3 张。" in output
        assert [*base.entries] == [f"{s}/ok.png"]

    def test_nothing_on_this_machine_without_being_told(self, base, server):
        base.note(1, f"{server.address}/ok.png")
        code, output = base.kb("pictures")
        assert code == 1 and "127.0.0.1 是 127.0.0.1，在本机或者局域网里；要取，加上 --local" in output
        assert server.asked == [] and not base.lock.exists()

    def test_few_at_a_time_of_one_server(self, base, server, monkeypatch):
        most, under_way = [], []

        def fetch(address, *_):
            under_way.append(address)
            most.append(len(under_way))
            server.over.wait(0.02)
            under_way.remove(address)
            raise keep.NotFetched("x")

        monkeypatch.setattr(keep, "fetch", fetch)
        assert len([*keep.fetch_all([f"http://a.example/{n}" for n in range(20)], keep.Limits(), False)]) == 20
        assert max(most) <= keep.OF_ONE_SERVER

    def test_a_server_that_never_answers_is_left_alone(self, base, server):
        """连不上的网站，不为每一张图等一遍；别的网站照常。"""
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))  # 没有 listen
            dead = f"http://localhost:{taken.getsockname()[1]}"
            base.note(1, *(f"{dead}/{number}.png" for number in range(40)), f"{server.address}/ok.png")
            report = keep.keep_pictures(base.root, local=True, limits=keep.Limits(pause=0))
        why = Counter(failure.why for failure in report.failures)
        assert [*report.fetched] == [f"{server.address}/ok.png"] and why.total() == 40
        assert why["localhost 接连 8 次没有回答，不再问它；过些时候再运行"] >= 40 - keep.GIVE_UP - keep.OF_ONE_SERVER

    def test_one_that_answers_in_between_is_not(self, base, server):
        s = server.address
        base.note(1, *(f"{s}/{'gone' if number % 2 else 'breaks'}?{number}" for number in range(30)))
        report = keep.keep_pictures(base.root, local=True, limits=keep.Limits(pause=0))
        assert {failure.why for failure in report.failures} == {"回答 404", "送到一半断了"}

    def test_when_it_is_over_nothing_is_tried_again(self, server):
        over = threading.Event()
        over.set()
        with pytest.raises(keep.NotFetched):
            keep.fetch(f"{server.address}/breaks", keep.Limits(), True, over)
        assert server.asked == ["/breaks"]

    def test_they_do_not_pile_up(self, monkeypatch):
        """写得比取得慢，也不会都在内存里。"""
        asked = []
        monkeypatch.setattr(keep, "fetch", lambda address, *_: asked.append(address))
        for number, _ in enumerate(keep.fetch_all([f"http://{n}.example/" for n in range(200)], keep.Limits(), False), 1):
            assert len(asked) <= number + 2 * keep.AT_ONCE
        assert len(asked) == 200

    def test_progress_is_shown(self, base, server, monkeypatch):
        monkeypatch.setattr("kb.cli.adding.is_terminal", lambda: True)
        base.note(1, *(f"{server.address}/ok.png?{number}" for number in range(21)))
        output = base.pictures("--smaller")
        assert "取图片" in output and "取来 21 张" in output
        assert "缩小图片" in base.pictures("--smaller")

    def test_dry_run(self, base, server):
        base.note(1, f"{server.address}/ok.png")
        output = base.pictures("--dry-run")
        assert f"会取：{server.address}/ok.png\n" in output and "会取 1 张" in output
        assert server.asked == [] and not base.lock.exists() and not base.folder.exists()

    def test_as_json(self, base, server):
        s = server.address
        base.note(1, f"{s}/ok.png", f"{s}/gone")
        code, output = base.kb("pictures", "--local", "--json")
        assert code == 1
        assert json.loads(output) == {
            "ok": False,
            "wanted": 2,
            "held_back": 0,
            "there": 0,
            "missing": [f"{s}/ok.png", f"{s}/gone"],
            "fetched": {f"{s}/ok.png": f"docs/assets/pictures/{FILE}"},
            "bytes": len(png()),
            "smaller": 0,
            "failed": [{"address": f"{s}/gone", "reason": "回答 404", "notes": [["docs/posts/1.md", 7]]}],
            "pruned": [],
        }


class TestAllowed:
    @pytest.mark.parametrize(
        ("entry", "allowed"),
        [
            ({"licence": "CC BY-NC-ND 4.0"}, True),
            ({"licence": "MIT"}, True),
            ({"licence": "保留所有权利"}, False),
            ({"licence": None}, False),
            ({"licence": None, "author": "张三"}, True),
            ({"licence": None, "author": "李四"}, False),
        ],
    )
    def test_by_licence(self, base, server, entry, allowed):
        configure(base.root, author="张三")
        base.note(1, f"{server.address}/ok.png", **entry)
        output = base.pictures()
        assert base.files == ({FILE} if allowed else set())
        assert ("许可不容许复制、不知道的 1 张没有取，--all 才取。" in output) is not allowed
        base.pictures("--all")
        assert base.files == {FILE}

    def test_one_note_that_allows_is_enough(self, base, server):
        base.note(1, f"{server.address}/ok.png", licence=None)
        base.note(2, f"{server.address}/ok.png")
        assert "没有取" not in base.pictures()

    def test_never_of_a_private_one(self, base, server):
        base.note(1, f"{server.address}/ok.png", private=True)
        base.note(2, f"{server.address}/ok.png", head="password: x\n")
        assert find_wanted(base.root) == {}
        assert "图片 0 张" in base.pictures("--all") and server.asked == []


class TestPruning:
    def start(self, base, server):
        s = server.address
        base.note(1, f"{s}/ok.png", f"{s}/drawn")
        base.note(2, f"{s}/ok.png")
        base.pictures()
        return s

    def test_what_nobody_shows(self, base, server):
        s = self.start(base, server)
        base.note(1, f"{s}/ok.png?other")  # 同样的内容
        (base.folder / "mine.png").write_bytes(b"mine")
        (base.folder / f"{'0' * 32}-640.webp").write_bytes(b"lost")
        drawn = base.entries[f"{s}/drawn"]["file"]
        said = base.pictures("--prune", "--dry-run")
        assert f"会删去：docs/assets/pictures/{drawn}\n" in said and drawn in base.files
        said = base.pictures("--prune")
        assert f"已删去：docs/assets/pictures/{drawn}\n" in said
        assert base.files == {FILE, "mine.png"} and [*base.entries] == [f"{s}/ok.png", f"{s}/ok.png?other"]

    def test_what_only_a_private_note_shows(self, base, server):
        s = self.start(base, server)
        base.note(1, f"{s}/ok.png", f"{s}/drawn", private=True)
        base.pictures("--prune")
        assert base.files == {FILE} and [*base.entries] == [f"{s}/ok.png"]

    def test_with_a_note_that_is_removed(self, base, server):
        s = self.start(base, server)
        drawn = f"docs/assets/pictures/{base.entries[f'{s}/drawn']['file']}"
        code, output = base.kb("remove", "1", "--dry-run")
        assert code == 0 and f"  {drawn}\n" in output and FILE not in output
        code, output = base.kb("remove", "1")
        assert code == 0 and f"  {drawn} → .kb-backup/" in output
        assert base.files == {FILE} and [*base.entries] == [f"{s}/ok.png"]
        code, output = base.kb("undo")
        assert code == 0, output
        assert (base.root / drawn).is_file() and len(base.entries) == 2

    def test_with_a_private_note_that_is_removed(self, base, server):
        """不留下它链接到哪里；文件不在这台机器上，也一样。"""
        s = self.start(base, server)
        for file in base.folder.iterdir():
            file.unlink()
        base.note(1, f"{s}/ok.png", f"{s}/drawn", private=True)
        assert base.kb("remove", "1")[0] == 0
        assert [*base.entries] == [f"{s}/ok.png"]
        left = [path.read_bytes() for path in base.root.rglob("*") if path.is_file()]
        assert not any(b"/drawn" in each for each in left)

    def test_what_another_note_has_under_another_address_stays(self, base, server):
        base.note(1, f"{server.address}/ok.png?1")
        base.note(2, f"{server.address}/ok.png?2")
        base.pictures()
        assert base.kb("remove", "1")[0] == 0
        assert base.files == {FILE} and [*base.entries] == [f"{server.address}/ok.png?2"]

    def test_with_both_notes(self, base, server):
        self.start(base, server)
        assert base.kb("remove", "1", "2")[0] == 0
        assert base.files == set() and base.entries == {}


def photograph(width=1400, height=700):
    data = io.BytesIO()
    Image.effect_noise((width, height), 60).save(data, "PNG")
    return data.getvalue()


class TestSmaller:
    def test_widths(self, base, server, monkeypatch):
        monkeypatch.setattr("tests.kb.pictures_server.Handler.do_photo", lambda self: self.send(photograph()), raising=False)
        base.note(1, f"{server.address}/photo", f"{server.address}/ok.png")
        output = base.pictures("--smaller")
        assert "较小的副本 3 份" in output
        entry = base.entries[f"{server.address}/photo"]
        assert entry["smaller"] == [640, 1280, 1400] and "smaller" not in base.entries[f"{server.address}/ok.png"]
        for width in entry["smaller"]:
            path = base.folder / f"{entry['file'].removesuffix('.png')}-{width}.webp"
            with Image.open(path) as image:
                assert (image.format, image.size) == ("WEBP", (width, width // 2))
            assert path.stat().st_size < entry["bytes"]
        assert base.pictures("--prune").count("已删去") == 0 and len(base.files) == 5

    def test_of_copies_that_are_there_already(self, base, server, monkeypatch):
        monkeypatch.setattr("tests.kb.pictures_server.Handler.do_photo", lambda self: self.send(photograph()), raising=False)
        base.note(1, f"{server.address}/photo")
        base.pictures()
        server.asked.clear()
        assert "较小的副本 3 份" in base.pictures("--smaller") and server.asked == []

    def test_none_of_what_moves(self):
        data = io.BytesIO()
        frames = [Image.effect_noise((900, 400), n).convert("RGB") for n in (40, 90)]
        frames[0].save(data, "WEBP", save_all=True, append_images=frames[1:], lossless=True)
        assert keep.make_smaller(data.getvalue(), "webp") == {}

    def test_none_of_what_is_broken(self):
        data = io.BytesIO()
        Image.effect_noise((900, 400), 60).save(data, "AVIF")
        assert keep.make_smaller(photograph()[:5000], "png") == {}
        assert keep.make_smaller(data.getvalue().replace(b"iloc", b"xloc"), "avif") == {}

    def test_one_that_is_turned(self):
        exif, data = Image.Exif(), io.BytesIO()
        exif[0x0112] = 6
        Image.effect_noise((700, 1300), 60).save(data, "JPEG", quality=95, exif=exif.tobytes())
        with Image.open(io.BytesIO(keep.make_smaller(data.getvalue(), "jpg")[640])) as image:
            assert image.size == (640, 345)

    def test_without_pillow(self, base, monkeypatch):
        monkeypatch.setitem(__import__("sys").modules, "PIL", None)
        monkeypatch.delitem(__import__("sys").modules, "PIL.Image", raising=False)
        code, output = base.kb("pictures", "--smaller")
        assert code == 1 and "较小的副本要用 Pillow，这里没有装。" in output


class TestLock:
    COPY = Copy(FILE, 9, HASH, "2024-03-01", 4, 3, (640,))

    def test_there_and_back(self):
        copies = {"https://a.example/图.png": self.COPY, "https://a.example/1.svg": Copy(f"{'0' * 32}.svg", 1, "x", "2024-03-01")}
        data = lock_bytes(copies)
        assert parse_lock(data) == copies
        assert data.decode().count("\n") == 5 and '"height"' not in data.decode().split("\n")[1]

    def test_two_branches(self):
        """合并以后两边的行都在。"""
        one, other = (lock_bytes({f"https://a.example/{n}": self.COPY}).decode() for n in "12")
        line = other.split("\n")[1]
        assert len(parse_lock(one.replace("{\n", "{\n" + line + "\n", 1).encode())) == 2

    @pytest.mark.parametrize(
        "change",
        [
            {"file": "../../../x.png"},
            {"file": f"{'0' * 32}.html"},
            {"file": f"{'0' * 32}.png/x"},
            {"bytes": "9"},
            {"bytes": -1},
            {"smaller": ["640"]},
            {"width": True},
            {"other": 1},
            {"sha256": None},
        ],
    )
    def test_damaged(self, base, change):
        entry = json.loads(lock_bytes({"a": self.COPY}))["a"] | change
        base.lock.write_text(json.dumps({"a": entry}))
        with pytest.raises(BadInput, match="pictures.lock.json：应是图片的网址 → file"):
            read_copies(base.root)

    @pytest.mark.parametrize("text", ["", "{", "[]", '{"a": 1}', "\udc80"])
    def test_no_lock_at_all(self, base, text):
        base.lock.write_bytes(text.encode("utf-8", "surrogateescape"))
        code, output = base.kb("pictures")
        assert code == 1 and re.search(r"pictures\.lock\.json(:\d+)?：.*git checkout pictures\.lock\.json", output)

    def test_of_a_later_tool(self, base):
        base.lock.write_text('{"format": 2}')
        with pytest.raises(BadInput, match="格式是 2，这里的 kb 只认得 1"):
            read_copies(base.root)

    def test_only_what_is_there_is_shown(self, base):
        copies = {"https://a.example/1.png": self.COPY}
        base.lock.write_bytes(lock_bytes(copies))
        assert shown_copies(base.root) == {}
        base.folder.mkdir(parents=True)
        (base.folder / FILE).write_bytes(png())
        assert shown_copies(base.root)["https://a.example/1.png"].smaller == ()
        (base.folder / f"{HASH[:32]}-640.webp").write_bytes(b"x")
        assert shown_copies(base.root) == copies


class TestCheck:
    def remarks(self, base):
        return json.loads(base.kb("check", "--json")[1])["remarks"]

    def test_where_nothing_was_ever_fetched(self, base, server):
        base.note(1, f"{server.address}/ok.png", f"{server.address}/gone")
        base.note(2, f"{server.address}/drawn", licence=None)
        assert self.remarks(base) == ["别的网站上的图片 2 张，站点没有自己的一份，kb pictures 取来。"]

    def test_names_what_is_not_fetched_yet(self, base, server):
        s = server.address
        base.note(1, f"{s}/ok.png", *(f"{s}/gone?{number}" for number in range(22)))
        base.kb("pictures", "--local")
        remarks = self.remarks(base)
        assert remarks[0] == f"docs/posts/1.md:7：图片 {s}/gone?0 还没有取来，kb pictures 取。"
        assert len(remarks) == 21 and remarks[-1] == "还没有取来的图片还有 2 张，kb pictures --dry-run 列出全部。"

    def test_a_copy_that_was_changed(self, base, server):
        base.note(1, f"{server.address}/ok.png")
        base.pictures()
        assert self.remarks(base) == []
        (base.folder / FILE).write_bytes(png(shade=1))
        problems = json.loads(base.kb("check", "--json")[1])["problems"]
        assert f"docs/assets/pictures/{FILE}：不是 pictures.lock.json 里登记的那张图片（{server.address}/ok.png）。" in "".join(problems)
