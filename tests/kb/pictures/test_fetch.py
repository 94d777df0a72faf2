"""从一台靠不住的服务器取一张图：是它的内容所是的，完整的，否则什么也没有；从不到本机里去。"""

import socket

import pytest

from kb.pictures import route
from kb.pictures.fetch import Limits, fetch
from kb.pictures.route import Local, NotFetched, Way, is_public
from tests.kb.pictures_server import DRAWN, Handler, hostile_server, png

LIMITS = Limits(seconds=30, silence=10, bytes=2**20, pause=0)
QUICK = Limits(seconds=0.6, silence=10, bytes=2**20, pause=0)
PATIENT = Limits(seconds=30, silence=0.5, bytes=2**20, pause=0)
PUBLIC = "93.184.215.14"


@pytest.fixture(scope="module")
def server():
    with hostile_server() as server:
        yield server


def why(server, path, limits=LIMITS):
    with pytest.raises(NotFetched) as problem:
        fetch(f"{server.address}/{path}", limits, local=True)
    return str(problem.value)


class TestFetched:
    @pytest.mark.parametrize("path", ["ok.png", "called-text", "moved", "packed", "busy", "breaks-once", "to?ok.png"])
    def test_whole(self, server, path):
        got = fetch(f"{server.address}/{path}", LIMITS, local=True)
        assert (got.data, got.ending, got.width, got.height) == (png(), "png", 40, 30)

    def test_drawn(self, server):
        got = fetch(f"{server.address}/drawn", LIMITS, local=True)
        assert (got.data, got.ending, got.width, got.height) == (DRAWN, "svg", 40, 30)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("page", "送来的不是图片"),
        ("page-as-svg", "送来的不是图片"),
        ("evil", "SVG 里有 <script>，不收"),
        ("gone", "回答 404"),
        ("breaks", "送到一半断了"),
        ("breaks-in-a-chunk", "送到一半断了"),
        ("breaks-unsaid", "图片不完整"),
        ("short", "图片不完整"),
        ("huge", "超过 1 MB"),
        ("endless", "超过 1 MB"),
        ("bomb", "超过 1 MB"),
        ("packed-strangely", "压缩成了 br，读不了"),
        ("babble", "回答看不懂"),
        ("loop", "重定向绕成了圈"),
        ("nowhere", "重定向绕成了圈"),
        ("far", "重定向了 5 次还没有到"),
        ("wide", "图片有 60000×60000 像素，太大"),
        ("to?file:///etc/passwd", "file:///etc/passwd 不是网址"),
        ("to?ftp://127.0.0.1/x", "ftp://127.0.0.1/x 不是网址"),
        ("to?http://127.0.0.1:99999/", "http://127.0.0.1:99999/ 不是网址"),
        ("to?http://user@/", "http://user@/ 不是网址"),
    ],
)
def test_what_is_not_a_whole_picture(server, path, said):
    assert why(server, path) == said


def test_what_breaks_off_is_tried_twice(server):
    server.asked.clear()
    why(server, "breaks")
    assert server.asked == ["/breaks", "/breaks"]


@pytest.mark.parametrize("path", ["slow-head", "slow-body"])
def test_a_byte_now_and_then_holds_nobody(server, path):
    assert why(server, path, QUICK) == "0.6 秒没有送完"


def test_a_server_that_says_nothing(server):
    assert why(server, "silent", PATIENT) == "0.5 秒没有回答"


def test_nobody_answers():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # 没有 listen
        with pytest.raises(NotFetched, match="^连不上，或者断了$"):
            fetch(f"http://127.0.0.1:{taken.getsockname()[1]}/", LIMITS, local=True)


def test_a_server_without_tls(server):
    with pytest.raises(NotFetched, match="^连不上，或者断了$"):
        fetch(f"https://127.0.0.1:{server.port}/ok.png", LIMITS, local=True)


class TestLocal:
    @pytest.mark.parametrize(
        "host",
        "127.0.0.1 127.1 2130706433 0x7f.1 localhost 0.0.0.0 [::1] [::ffff:127.0.0.1] [::ffff:7f00:1] [64:ff9b::7f00:1] "
        "[2002:7f00:1::] 10.0.0.1 172.16.0.1 192.168.1.1 169.254.169.254 100.64.0.1 [fe80::1] [fc00::1] 224.0.0.1 "
        "198.18.0.1 255.255.255.255".split(),
    )
    def test_is_never_asked(self, server, host):
        server.asked.clear()
        with pytest.raises(Local, match="在本机或者局域网里；要取，加上 --local"):
            fetch(f"http://{host}:{server.port}/ok.png", LIMITS)
        assert server.asked == []

    def test_numbers(self):
        assert [is_public(each) for each in ("8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808")] == [True] * 4
        assert not is_public("64:ff9b::a00:1") and not is_public("2002:a00:1::1") and not is_public("fe80::1%lo")

    def test_a_name_that_leads_here(self, server, monkeypatch):
        names(monkeypatch, {"pictures.example": ["127.0.0.1"]})
        server.asked.clear()
        with pytest.raises(Local, match="^pictures.example 是 127.0.0.1，"):
            fetch(f"http://pictures.example:{server.port}/ok.png", LIMITS)
        assert server.asked == []

    @pytest.mark.parametrize("to", ["http://127.0.0.1:{port}/ok.png", "//127.0.0.1:{port}/ok.png", "http://inside.example/ok.png"])
    def test_a_redirect_that_leads_here(self, server, monkeypatch, to):
        names(monkeypatch, {"pictures.example": [PUBLIC], "inside.example": ["192.168.0.1"]})
        stand_in(monkeypatch, server)
        server.asked.clear()
        with pytest.raises(Local):
            fetch(f"http://pictures.example/to?{to.format(port=server.port)}", LIMITS)
        assert len(server.asked) == 1 and server.asked[0].startswith("/to?")

    def test_a_name_that_answers_otherwise_a_moment_later(self, server, monkeypatch):
        """连的是看过的那个地址，名字只问一次。"""
        asked = names(monkeypatch, {"pictures.example": [PUBLIC, "127.0.0.1"]}, one_by_one=True)
        reached = stand_in(monkeypatch, server)
        assert fetch("http://pictures.example/ok.png", LIMITS).data == png()
        assert (asked, reached) == (["pictures.example"], [PUBLIC])

    def test_of_several_addresses_only_the_public_ones(self, server, monkeypatch):
        names(monkeypatch, {"pictures.example": ["10.0.0.1", PUBLIC]})
        reached = stand_in(monkeypatch, server)
        fetch("http://pictures.example/ok.png", LIMITS)
        assert reached == [PUBLIC]


class TestProxy:
    def proxy(self, monkeypatch, server, found):
        monkeypatch.setenv("http_proxy", server.address)
        monkeypatch.setenv("no_proxy", "")
        monkeypatch.setattr(Handler, "do_http:", Handler.do_ok, raising=False)
        names(monkeypatch, found)

    def test_is_asked_for_what_is_outside(self, server, monkeypatch):
        self.proxy(monkeypatch, server, {"pictures.example": ["0.0.0.0"]})  # 在国内，名字常常解析成这样
        server.asked.clear()
        assert fetch("http://pictures.example/ok.png", LIMITS).data == png()
        assert server.asked == ["http://pictures.example/ok.png"]

    @pytest.mark.parametrize("address", ["http://127.0.0.1/ok.png", "http://localhost/ok.png", "http://inside.example/ok.png"])
    def test_is_not_asked_for_what_is_inside(self, server, monkeypatch, address):
        self.proxy(monkeypatch, server, {"localhost": ["127.0.0.1"], "inside.example": ["127.0.0.1"]})
        server.asked.clear()
        with pytest.raises(Local):
            fetch(address, LIMITS)
        assert server.asked == []


    def test_of_another_kind(self, monkeypatch):
        monkeypatch.setenv("http_proxy", "socks5://127.0.0.1:1080")
        with pytest.raises(NotFetched, match="^代理 socks5:// 用不了，只会用 http:// 的$"):
            fetch("http://pictures.example/ok.png", LIMITS)

    def test_is_not_asked_for_what_is_inside_and_may_be_fetched(self, server, monkeypatch):
        self.proxy(monkeypatch, server, {})
        server.asked.clear()
        fetch(f"{server.address}/ok.png", LIMITS, local=True)
        assert server.asked == ["/ok.png"]


def names(monkeypatch, found, one_by_one=False):
    """域名 → 地址。返回问过的名字。"""
    asked = []

    def getaddrinfo(host, port, **_):
        asked.append(host)
        addresses = found.get(host) or [host]
        if one_by_one:
            addresses = [found[host].pop(0)]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(route, "getaddrinfo", getaddrinfo)
    return asked


def stand_in(monkeypatch, server):
    """公网上的服务器由本机的这台代替。返回它们的地址。"""
    reached, connect = [], Way.connect

    def instead(self, infos):
        reached.extend(info[4][0] for info in infos)
        here = [(*info[:4], ("127.0.0.1", server.port)) for info in infos]
        return connect(self, here)

    monkeypatch.setattr(Way, "connect", instead)
    return reached

