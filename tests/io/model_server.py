"""A loopback server whose files and moods a test sets."""

import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class ModelServer:
    """Serves files by the last part of their path.

    Moods: well, down, stuck (late), slow, truncating (not the JSON file), silent about lengths.
    """

    def __init__(self, files: dict[str, bytes] | None = None, folder: str = "net_of_ours") -> None:
        self.files = files or {}
        self.mood = "well"
        self.redirect = ""
        self.asked: list[str] = []
        """Paths."""
        self.headers: list[dict[str, str]] = []
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._answerer())
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}/models/{folder}/"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,))
        self._thread.start()

    def _answerer(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.asked.append(self.path)
                server.headers.append(dict(self.headers))
                with suppress(OSError):  # a client that gives up closes first
                    self.answer(server.files.get(self.path.partition("?")[0].rpartition("/")[2]))

            def answer(self, data: bytes | None) -> None:
                if server.redirect and "moved" not in self.path:
                    self.send_response(302)
                    self.send_header("Location", server.redirect)
                    self.end_headers()
                    return
                if data is None or server.mood == "down":
                    self.send_error(404 if data is None else 503)
                    return
                if server.mood == "stuck":
                    time.sleep(0.6)
                self.send_response(200)
                if server.mood != "silent about lengths":
                    self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                cut = server.mood == "truncating" and "json" not in self.path
                if server.mood == "slow":
                    for place in range(0, len(data), 100):
                        self.wfile.write(data[place : place + 100])
                        time.sleep(0.02)
                    return
                self.wfile.write(data[: len(data) // 2] if cut else data)

            def log_message(self, *_: object) -> None: ...

        return Answer

    @property
    def names(self) -> list[str]:
        """Names of the files that were asked for."""
        return [path.partition("?")[0].rpartition("/")[2] for path in self.asked]

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()
