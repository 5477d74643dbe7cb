"""A page that shows files, decoded here: nothing leaves this machine, and the browser needs no decoder.

``/`` is the page, ``/files`` their names, ``/file/N`` the Nth as PNG, or why it cannot be shown. Requests for another
host than this one are refused: a page elsewhere must not reach files here by a name that it points at this machine.
"""

import io
import json
from collections.abc import Callable, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_LOOPBACK = "127.0.0.1"

_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>vaecompress</title>
<style>
body { margin: 0; font: 14px sans-serif; background: #222; color: #ddd }
header { padding: 8px; display: flex; gap: 12px; align-items: center }
#stage { position: relative; overflow: auto }
img { position: absolute; top: 0; left: 0; image-rendering: pixelated }
.fault { padding: 8px; color: #f99 }
</style>
<header><select id="a"></select><input id="split" type="range" min="0" max="100" value="50">
<select id="b"></select><span id="told"></span></header>
<div class="fault" id="fault"></div><div id="stage"><img id="left"><img id="right"></div>
<script>
const at = id => document.getElementById(id)
function cut() { at("left").style.clipPath = `inset(0 ${100 - at("split").value}% 0 0)` }
async function show(image, chosen) {
  const answer = await fetch("/file/" + chosen.value)
  if (!answer.ok) { image.removeAttribute("src"); at("fault").textContent += await answer.text() + " "; return }
  image.src = URL.createObjectURL(await answer.blob())
  await image.decode()
  at("stage").style.height = Math.max(at("left").naturalHeight, at("right").naturalHeight) + "px"
}
async function both() {
  at("fault").textContent = ""
  document.body.dataset.state = "busy"
  await Promise.all([show(at("right"), at("b")), show(at("left"), at("a"))])
  cut()
  document.body.dataset.state = "shown"
}
fetch("/files").then(answer => answer.json()).then(files => {
  for (const id of ["a", "b"])
    files.forEach((name, index) => at(id).add(new Option(name, index)))
  at("b").value = Math.min(1, files.length - 1)
  both()
})
at("a").onchange = at("b").onchange = both
at("split").oninput = cut
</script></html>
"""


class Viewer(ThreadingHTTPServer):
    """Serves files on loopback. A context manager; ``url`` is where, ``tell`` puts an error into a line."""

    daemon_threads = True

    def __init__(self, files: Sequence[Path], port: int, tell: Callable[[Exception], str]) -> None:
        super().__init__((_LOOPBACK, port), _Handler)
        self.files, self.tell = list(files), tell

    @property
    def url(self) -> str:
        """The page's address."""
        return f"http://{_LOOPBACK}:{self.server_port}/"


class _Handler(BaseHTTPRequestHandler):
    server: Viewer

    def do_GET(self) -> None:
        """Answer a request."""
        host = self.headers.get("Host", "").rpartition(":")[0]
        if host not in (_LOOPBACK, "localhost"):
            self._answer(HTTPStatus.FORBIDDEN, "text/plain", b"only for this machine")
        elif self.path == "/":
            self._answer(HTTPStatus.OK, "text/html", _PAGE.encode())
        elif self.path == "/files":
            names = json.dumps([str(file) for file in self.server.files])
            self._answer(HTTPStatus.OK, "application/json", names.encode())
        else:
            self._answer_file()

    def _answer_file(self) -> None:
        number = self.path.removeprefix("/file/")
        if not (number.isascii() and number.isdecimal() and int(number) < len(self.server.files)):
            self._answer(HTTPStatus.NOT_FOUND, "text/plain", b"no such file")
            return
        file = self.server.files[int(number)]
        try:
            self._answer(HTTPStatus.OK, "image/png", as_png(file))
        except ConnectionError:
            return
        except Exception as error:  # told to whoever looks, and the server goes on
            text = self.server.tell(error)
            told = text if text.startswith(str(file)) else f"{file}: {text}"
            self._answer(HTTPStatus.UNPROCESSABLE_ENTITY, "text/plain", told.encode("utf-8", "backslashreplace"))

    def _answer(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8" if kind.startswith("text") else kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Standard error is for our own words."""


def as_png(file: Path) -> bytes:
    """A picture, or a stream's picture or first frame, as PNG. Raises as reading and decoding do."""
    from vaecompress.bitstream import Container
    from vaecompress.bitstream.directory import MAGIC
    from vaecompress.media.image import Image
    from vaecompress.media.image_read import read_image
    from vaecompress.media.image_write import write_image

    with file.open("rb") as opened:
        is_stream = opened.read(len(MAGIC)) == MAGIC
    if not is_stream:
        image, _ = read_image(file)
    else:
        from vaecompress.codec.still import decode_image
        from vaecompress.codec.video import decode_video
        from vaecompress.models import registry

        with Container.open(file) as container:
            if container.header.kind == "image":
                image = decode_image(container, registry.find)
            else:
                model = registry.find(container.header.model_id)
                image = Image(next(iter(decode_video(container, model, range(1)))).pixels)
    with io.BytesIO() as png:
        write_image(image, png, "png")
        return png.getvalue()
