"""一台靠不住的服务器：慢、撒谎、绕圈、断开、没完没了；和几张真的图片。"""

import contextlib
import gzip
import struct
import threading
import time
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

EVIL = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
DRAWN = b'<svg xmlns="http://www.w3.org/2000/svg" width="40" height="30"><rect width="9" height="9"/></svg>'


def png(width=40, height=30, shade=0):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = (b"\0" + bytes([shade]) * width) * height
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.asked.append(self.path)
        name = self.path.strip("/").partition("?")[0].partition("/")[0].partition(".")[0].replace("-", "_")
        with contextlib.suppress(OSError):  # 客户端不等了
            getattr(self, f"do_{name}")()
        self.close_connection = True

    def log_message(self, *_):
        pass

    def send(self, data, kind="image/png", status=200, **headers):
        self.send_response(status)
        for key, value in ({"Content_Type": kind, "Content_Length": len(data)} | headers).items():
            if value is not None:
                self.send_header(key.replace("_", "-"), str(value))
        self.end_headers()
        self.wfile.write(data)

    def drip(self, data):
        """一点一点送，永远送不完。"""
        while not self.server.over.is_set():
            self.wfile.write(data)
            self.wfile.flush()
            time.sleep(0.02)

    def do_ok(self):
        self.send(png())

    def do_ok_too(self):
        self.send(png(shade=9))

    def do_drawn(self):
        self.send(DRAWN, "image/svg+xml")

    def do_called_text(self):
        self.send(png(), "text/html")

    def do_page(self):
        self.send(b"<!DOCTYPE html><title>x</title>")

    def do_page_as_svg(self):
        self.send(b"<!-- x --><html><body>blocked</body></html>", "image/svg+xml")

    def do_evil(self):
        self.send(EVIL)

    def do_silent(self):
        self.server.over.wait(20)

    def do_slow_head(self):
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        self.drip(b"X-Slow: 1\r\n"[:1])

    def do_slow_body(self):
        self.send(b"", Content_Length=1000)
        self.drip(b"\x89")

    def do_breaks(self):
        self.send(png()[:40], Content_Length=len(png()))

    def do_breaks_unsaid(self):
        self.send(png()[:-6], Content_Length=None)

    def do_breaks_in_a_chunk(self):
        self.send(b"40\r\n" + png()[:20], Content_Length=None, Transfer_Encoding="chunked")

    def do_breaks_once(self):
        self.do_breaks() if self.server.asked.count(self.path) == 1 else self.do_ok()

    def do_short(self):
        """说它短：剩下的不算。"""
        self.send(png(), Content_Length=len(png()) - 6)

    def do_huge(self):
        self.send(b"", Content_Length=100 * 2**20)
        self.server.over.wait(20)

    def do_endless(self):
        self.send(b"\x89PNG\r\n\x1a\n", Content_Length=None)
        while not self.server.over.is_set():
            self.wfile.write(b"\0" * 2**20)

    def do_bomb(self):
        self.send(gzip.compress(b"\x89PNG\r\n\x1a\n" + b"\0" * 2**25), Content_Encoding="gzip")

    def do_packed(self):
        self.send(gzip.compress(png()), Content_Encoding="gzip")

    def do_packed_strangely(self):
        self.send(png(), Content_Encoding="br")

    def do_babble(self):
        self.wfile.write(b"what?\r\n\r\n")

    def do_loop(self):
        self.to("/loop-back")

    def do_loop_back(self):
        self.to("/loop")

    def do_far(self):
        self.to(f"/far/{len(self.path)}{'x' * len(self.path)}")

    def do_moved(self):
        self.to("ok.png")

    def do_nowhere(self):
        self.send(b"", status=302)

    def do_to(self):
        """到问号后面的地方去。"""
        self.to(self.path.partition("?")[2])

    def to(self, address):
        self.send(b"", status=302, Location=address)

    def do_gone(self):
        self.send(b"no", status=404)

    def do_busy(self):
        first = self.server.asked.count(self.path) == 1
        self.send(b"", status=429, Retry_After=0) if first else self.do_ok()

    def do_wide(self):
        head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
        self.send(png()[:16] + head + png()[29:])


@contextlib.contextmanager
def hostile_server():
    """有 `address`、`port`、`asked`：问过它的每一条路径。"""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.asked, server.over = [], threading.Event()
    server.port = server.server_port
    server.address = f"http://127.0.0.1:{server.port}"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.over.set()
    server.shutdown()
    server.server_close()
