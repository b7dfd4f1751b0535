"""A file server on loopback that drops connections, gives wrong answers and changes its files."""

import hashlib
import http.server
import re
import threading
from contextlib import contextmanager

from loss_study.download import fetch as fetching

PROXIES = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")


class Server(http.server.ThreadingHTTPServer):
    """Serves `files` by path, to requests with `token` if there is one; each of `mishaps` is used by one answer."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = {}
        self.mishaps = []
        self.token = None
        self.ranges = True
        self.headers = {}
        self.redirects = {}
        self.requests = []
        self.tokens = []

    def handle_error(self, request, client_address):
        """A client that closes the connection early is part of the tests."""

    def resumed(self, path):
        """Whether the last request for `path`, and only that one, asked for the rest of the file."""
        spans = [span for asked, span in self.requests if asked == path]
        return spans[:-1] == [None] and re.fullmatch(r"bytes=[1-9]\d*-", spans[-1]) is not None

    def url(self, path):
        return f"http://127.0.0.1:{self.server_port}{path}"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        server.requests.append((self.path, self.headers.get("Range")))
        server.tokens.append(self.headers.get("Authorization"))
        if target := server.redirects.get(self.path):
            self.send_response(302)
            self.send_header("Location", target)
            return self.end_headers()
        mishap = server.mishaps.pop(0) if server.mishaps else None
        data = server.files.get(self.path.partition("?")[0])
        if server.token not in (None, self.headers.get("Authorization")):
            return self.send_error(401)
        if isinstance(mishap, int) or data is None:
            return self.send_error(mishap or 404)
        etag = f'"{hashlib.sha256(data).hexdigest()[:8]}"'
        start = self.start(etag)
        if start and start >= len(data):
            return self.send_error(416)
        body = data[start:]
        self.answer(start, len(data), etag)
        self.wfile.write(body[: len(body) // 2] if mishap == "drop" else body)
        return None

    def start(self, etag):
        """Return the first byte that is requested, if the server supports ranges and the file has not changed."""
        span = self.headers.get("Range")
        same = self.headers.get("If-Range") in (None, etag)
        return int(re.match(r"bytes=(\d+)-", span)[1]) if span and same and self.server.ranges else 0

    def answer(self, start, size, etag):
        self.send_response(206 if start else 200)
        headers = {"ETag": etag, "Content-Length": str(size - start), "Content-Type": "application/zip"}
        if start:
            headers["Content-Range"] = f"bytes {start}-{size - 1}/{size}"
        for name, value in {**headers, **self.server.headers}.items():
            if value is not None:
                self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_):
        pass


@contextmanager
def serving(monkeypatch):
    """Yield a running `Server` that is reached without a proxy; retries do not wait."""
    monkeypatch.setattr(fetching, "BACKOFF_S", (0.0, 0.0, 0.0))
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
    with Server() as one:
        threading.Thread(target=one.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield one
        one.shutdown()
