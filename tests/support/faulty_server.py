"""A server on 127.0.0.1 that has images, and every fault that servers of images have.

The path says what happens: ``/ok/7`` is image 7, ``/FAULT/7`` the same image behind a fault. It counts what it is
asked, so that a test can tell what was fetched twice.
"""

from __future__ import annotations

import gzip
import socket
import struct
import threading
import time
from collections import Counter
from contextlib import contextmanager, suppress
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.support.images import make_image

BOMB = gzip.compress(bytes(80_000_000))
FAULTS: dict[str, str] = {
    # fault → the status that an image behind it ends with
    "ok": "ok",
    "500-once": "ok",
    "429-once": "ok",
    "reset-once": "ok",
    "half-once": "ok",
    "redirect": "ok",
    "no-length": "ok",
    "gzip": "ok",
    "wrong-type": "ok",
    "401": "http-401",
    "403": "http-403",
    "404": "http-404",
    "410": "http-410",
    "418": "http-4xx",
    "204": "http-other",
    "429": "http-429",
    "500": "http-5xx",
    "reset": "broken-off",
    "half": "broken-off",
    "garbage": "broken-off",
    "half-no-length": "truncated",
    "long-length": "broken-off",
    "short-length": "truncated",
    "endless": "too-large",
    "huge": "too-large",
    "slow": "timeout",
    "silent": "timeout",
    "loop": "redirects",
    "to-local": "ok",  # where private addresses are allowed, as they must be to get here
    "to-file": "bad-url",
    "bomb": "too-large",
    "html": "html-page",
    "empty": "empty",
    "noai": "opt-out",
    "noindex": "opt-out",
    "other-bot": "ok",
    "flickr": "placeholder",
}


@cache
def made(seed: int) -> bytes:
    return make_image(seed, 64, 48)


def seed_of(path: str) -> int:
    return int(path.rsplit("/", 1)[-1])


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        with self.server.lock:
            self.server.connections += 1

    def do_GET(self) -> None:
        server = self.server
        with server.lock:
            server.at_once += 1
            server.most_at_once = max(server.most_at_once, server.at_once)
            server.asked[self.path] += 1
            first = server.asked[self.path] == 1
            server.agents.add(self.headers["User-Agent"])
        fault = self.path.split("/")[1]
        once = fault.removesuffix("-once")
        if once != fault:
            fault = once if first else "ok"
        try:
            with suppress(BrokenPipeError, ConnectionResetError):
                self.answer(fault, made(seed_of(self.path)))
        finally:
            with server.lock:
                server.at_once -= 1

    def answer(self, fault: str, data: bytes) -> None:
        name = "answer_" + fault.replace("-", "_")
        if hasattr(self, name):
            getattr(self, name)(data)
        elif fault == "429":
            self.send(429, b"slow down", **{"Retry-After": "0.1"})
        else:
            self.send(int(fault), b"" if fault == "204" else b"no")

    def send(self, status: int, data: bytes, kind: str = "image/jpeg", **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        for name, value in ({"Content-Length": str(len(data))} | headers).items():
            if value:
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def answer_ok(self, data: bytes) -> None:
        if self.server.delay:
            time.sleep(self.server.delay)
        self.send(200, data)

    def answer_wrong_type(self, data: bytes) -> None:
        self.send(200, data, "text/plain")

    def answer_redirect(self, data: bytes) -> None:
        self.send(302, b"", Location=f"/ok/{seed_of(self.path)}")

    def answer_no_length(self, data: bytes) -> None:
        self.send(200, data, **{"Content-Length": "", "Connection": "close"})
        self.close_connection = True

    def answer_gzip(self, data: bytes) -> None:
        self.send(200, gzip.compress(data), **{"Content-Encoding": "gzip"})

    def answer_bomb(self, data: bytes) -> None:
        self.send(200, BOMB, **{"Content-Encoding": "gzip"})

    def answer_reset(self, data: bytes) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def answer_garbage(self, data: bytes) -> None:
        self.wfile.write(b"\x16\x03\x01 this is no HTTP\r\n\r\n")
        self.close_connection = True

    def answer_half(self, data: bytes) -> None:
        self.send(200, data[: len(data) // 2], **{"Content-Length": str(len(data))})
        self.close_connection = True

    def answer_half_no_length(self, data: bytes) -> None:
        self.answer_no_length(data[: len(data) // 2])

    def answer_long_length(self, data: bytes) -> None:
        self.send(200, data, **{"Content-Length": str(len(data) + 1000)})
        self.close_connection = True

    def answer_short_length(self, data: bytes) -> None:
        half = data[: len(data) // 2]
        self.send(200, half, **{"Content-Length": str(len(half))})

    def answer_endless(self, data: bytes) -> None:
        self.send(200, data, **{"Content-Length": "", "Connection": "close"})
        for _ in range(2000):
            self.wfile.write(bytes(65536))
        self.close_connection = True

    def answer_huge(self, data: bytes) -> None:
        self.send(200, data, **{"Content-Length": str(10**12)})
        self.close_connection = True

    def answer_slow(self, data: bytes) -> None:
        self.send(200, b"", **{"Content-Length": str(len(data))})
        for i in range(len(data)):
            if self.server.stopping.wait(0.2):
                return
            self.wfile.write(data[i : i + 1])

    def answer_silent(self, data: bytes) -> None:
        self.server.stopping.wait(60)
        self.close_connection = True

    def answer_loop(self, data: bytes) -> None:
        self.send(302, b"", Location=self.path)

    def answer_to_local(self, data: bytes) -> None:
        self.send(302, b"", Location=f"{self.server.url}/ok/{seed_of(self.path)}")

    def answer_to_file(self, data: bytes) -> None:
        self.send(302, b"", Location="file:///etc/passwd")

    def answer_html(self, data: bytes) -> None:
        self.send(200, b"<!DOCTYPE html><html><body>quota exceeded</body></html>")

    def answer_empty(self, data: bytes) -> None:
        self.send(200, b"", **{"Content-Length": "0"})

    def answer_noai(self, data: bytes) -> None:
        self.send(200, data, **{"X-Robots-Tag": "max-image-preview:none, noai"})

    def answer_noindex(self, data: bytes) -> None:
        self.send(200, data, **{"X-Robots-Tag": "dmlkit: noindex"})

    def answer_other_bot(self, data: bytes) -> None:
        self.send(200, data, **{"X-Robots-Tag": "googlebot: noindex"})

    def answer_flickr(self, data: bytes) -> None:
        self.send(302, b"", Location=f"/images/photo_unavailable.png/{seed_of(self.path)}")

    answer_images = answer_ok

    def log_message(self, *args: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: Counter[str] = Counter()
        self.agents: set[str] = set()
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.delay = 0.0
        self.connections = self.at_once = self.most_at_once = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # a client that goes away is what some of the tests are about


@contextmanager
def serving():
    """A running server."""
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.stopping.set()
        server.shutdown()
        thread.join()
        server.server_close()
