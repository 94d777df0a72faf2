"""经 TLS 取图片：证书要对；有代理就经它，也一样要对；一个字节一个字节地说，也有个完。"""

import shutil
import socket
import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from kb.pictures.fetch import Limits, fetch
from kb.pictures.route import NotFetched
from tests.kb.pictures_server import Handler, png

LIMITS = Limits(seconds=30, silence=10, pause=0)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    if shutil.which("openssl") is None:
        pytest.skip("没有 openssl")
    folder = tmp_path_factory.mktemp("tls")
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2"]
    made = ["-keyout", folder / "key.pem", "-out", folder / "cert.pem"]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *names, *made], check=True, capture_output=True)
    return folder


def start(handler, context=None):
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads, server.asked, server.over = True, [], threading.Event()
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.handle_error = lambda *_: None  # 客户端不认证书，就断开
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    return server


@pytest.fixture
def server(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    server = start(Handler, context)
    yield server
    server.shutdown()
    server.server_close()


class Tunnel(BaseHTTPRequestHandler):
    """一台代理：连过去，两边照传。"""

    def do_CONNECT(self):
        self.server.asked.append(self.path)
        self.send_response(200)
        self.end_headers()
        with socket.create_connection(("127.0.0.1", int(self.path.rpartition(":")[2]))) as there:
            back = threading.Thread(target=self.pass_on, args=(there, self.connection), daemon=True)
            back.start()
            self.pass_on(self.connection, there)
            back.join(10)

    def pass_on(self, one, other):
        try:
            while data := one.recv(65536):
                other.sendall(data)
        except OSError:
            pass

    def log_message(self, *_):
        pass


@pytest.fixture
def trusted(certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "cert.pem"))


def test_a_certificate_that_somebody_vouches_for(server, trusted):
    assert fetch(f"https://localhost:{server.server_port}/ok.png", LIMITS, local=True).data == png()


def test_one_that_nobody_vouches_for(server):
    with pytest.raises(NotFetched, match="^服务器的证书不对$"):
        fetch(f"https://localhost:{server.server_port}/ok.png", LIMITS, local=True)


def test_one_of_another(server, trusted):
    with pytest.raises(NotFetched, match="^服务器的证书不对$"):
        fetch(f"https://127.0.0.1:{server.server_port}/ok.png", LIMITS, local=True)


@pytest.mark.parametrize("path", ["slow-head", "slow-body"])
def test_a_byte_now_and_then_holds_nobody(server, trusted, path):
    with pytest.raises(NotFetched, match="^0.6 秒没有送完$"):
        fetch(f"https://localhost:{server.server_port}/{path}", Limits(seconds=0.6, silence=10), local=True)
    server.over.set()


@pytest.mark.parametrize("known", [True, False])
def test_through_a_proxy(server, certificate, monkeypatch, known):
    monkeypatch.setattr("kb.pictures.route.proxy_bypass", lambda host: False)
    monkeypatch.setattr("kb.pictures.route.is_inside", lambda host: False)
    if known:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "cert.pem"))
    proxy = start(Tunnel)
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.server_port}")
    try:
        if known:
            assert fetch(f"https://localhost:{server.server_port}/ok.png", LIMITS, local=True).data == png()
        else:
            with pytest.raises(NotFetched, match="^服务器的证书不对$"):
                fetch(f"https://localhost:{server.server_port}/ok.png", LIMITS, local=True)
        assert proxy.asked == [f"localhost:{server.server_port}"]
    finally:
        proxy.shutdown()
        proxy.server_close()


def test_a_proxy_that_refuses(server, monkeypatch):
    monkeypatch.setattr("kb.pictures.route.is_inside", lambda host: False)
    monkeypatch.setenv("no_proxy", "")
    proxy = start(Handler)  # 不认得 CONNECT
    monkeypatch.setenv("https_proxy", f"127.0.0.1:{proxy.server_port}")
    with pytest.raises(NotFetched, match="^连不上，或者断了$"):
        fetch(f"https://localhost:{server.server_port}/ok.png", LIMITS, local=True)
    proxy.shutdown()
    proxy.server_close()


def test_a_greeting_that_never_ends():
    """TLS 还没有握手，就一点一点地送。"""
    listening = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def drip():
        there, _ = listening.accept()
        with there:
            try:
                there.sendall(b"\x16\x03\x03\x40\x00")
                while not over.wait(0.02):
                    there.sendall(b"\0")
            except OSError:
                pass

    threading.Thread(target=drip, daemon=True).start()
    with pytest.raises(NotFetched, match="^0.6 秒没有送完$"):
        fetch(f"https://127.0.0.1:{listening.getsockname()[1]}/", Limits(seconds=0.6, silence=10, pause=0), local=True)
    over.set()
    listening.close()
