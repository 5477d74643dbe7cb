"""The decoder in JavaScript, in a real Chromium: golden pictures pixel for pixel, and every refusal, in one session."""

import hashlib
import io
import json
import shutil
import subprocess
import threading
import zlib
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from documents import ROOT
from golden_streams import FOLDER, RECORD
from photo import photo

import vaecompress
from vaecompress.bitstream import Chunk, Container, Header, PicturePayload, chunks, write
from vaecompress.errors import VaecompressError
from vaecompress.limits import Limits
from vaecompress.media.image import Image
from vaecompress.media.image_write import write_image
from vaecompress.models import file as model_file
from vaecompress.models import installed

BROWSER = ROOT / "vaecompress" / "browser"
RUNTIME = BROWSER / "node_modules" / "onnxruntime-web"
KINDS = {".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm"}
GOLDEN = {
    path.name: (path.read_bytes(), record)
    for folder in sorted(FOLDER.glob(f"*/{RECORD}"))
    for name, record in json.loads(folder.read_text()).items()
    if (path := folder.parent / name).exists() and "pixels" in record
}
LIMITS = Limits(max_pixels=1_000_000)
LIMIT_S = 240


def damaged() -> dict[str, bytes]:
    """Files that the Python decoder refuses, of every kind."""
    whole = vaecompress.encode(photo(channels=4), 40, model="tiny")
    with Container.open(whole) as container:
        header = container.header
        bodies = [Chunk(entry.type, container.read(entry)) for entry in container.directory]
    payload = PicturePayload.from_body(next(body.body for body in bodies if body.type == chunks.PICTURE))
    alpha = next(body for body in bodies if body.type == chunks.ALPHA)

    def file(picture: PicturePayload, plane: bytes = alpha.body, **changes: Any) -> bytes:
        parts = [Chunk(chunks.PICTURE, picture.to_body()), Chunk(chunks.ALPHA, plane)]
        return write(replace(header, **changes), parts)

    files = {
        "empty": b"",
        "text": b"no stream of ours",
        "newer": whole[:4] + b"\2" + whole[5:],
        "version0": whole[:4] + b"\0" + whole[5:],
        "longer": whole + b"\0",
        "header": whole[:14] + b"\5" + whole[15:],
        "checksum": file(replace(payload, checksum=payload.checksum ^ 1)),
        "strength": file(replace(payload, coded=b"\x09" + payload.coded[1:])),
        "nothing": file(replace(payload, coded=b"")),
        "quality": file(payload, quality=41),
        "left over": file(replace(payload, coded=payload.coded + b"\1\1\1\1")),
        "cut": file(replace(payload, coded=payload.coded[:-9])),
        "symbols": file(replace(payload, coded=payload.coded[:9] + bytes(40) + payload.coded[49:])),
        "padded": file(replace(payload, coded=payload.coded + b"\0")),
        "size": file(payload, width=119),
        "unknown tool": with_payload(b"\3" + payload.to_body()[1:], 3, 120, 70),
        "no alpha": file(payload, plane=b"no png"),
        "alpha of another size": file(payload, plane=png(60, 60)),
        "unknown model": file(payload, model_id=bytes(8)),
        "large": file(payload, width=2000, height=1000),
        "critical": with_type(whole, b"ALPH", b"XLPH"),
        "flags": with_flags(whole, 0x40),
        "no such alpha": with_flags(whole, -2),
        "video": (FOLDER / "0.1.0" / "tiny_video_q1.bin").read_bytes(),
    }
    files |= {f"cut at {size}": whole[:size] for size in (3, 9, 14, 16, 30, len(whole) // 2, len(whole) - 1)}
    files |= {f"bit {place}": flipped(whole, place) for place in range(0, len(whole), max(1, len(whole) // 12))}
    return files


def png(width: int, height: int) -> bytes:
    with io.BytesIO() as file:
        write_image(Image(np.zeros((height, width, 1), np.uint8)), file, "png")
        return file.getvalue()


def flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 4]) + data[place + 1 :]


def with_type(data: bytes, old: bytes, new: bytes) -> bytes:
    end = data.index(b"\x89PNG")
    return reheaded(data, data[:end].replace(old, new) + data[end:])


def with_flags(data: bytes, change: int) -> bytes:
    return reheaded(data, data[:5] + bytes([data[5] + change]) + data[6:])


def reheaded(whole: bytes, changed: bytes) -> bytes:
    with Container.open(whole) as container:
        end = container.directory[0].offset
    return changed[: end - 4] + zlib.crc32(changed[: end - 4]).to_bytes(4, "little") + changed[end:]


class Site(ThreadingHTTPServer):
    """Serves the package, models and streams, and waits for what the page makes of them."""

    daemon_threads = True

    def __init__(self, streams: dict[str, bytes], shown: list[str]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.streams = {f"/streams/{name.replace(' ', '-')}": data for name, data in streams.items()}
        self.shown = [f"/streams/{name}" for name in shown]
        self.done = threading.Event()
        self.result: dict[str, dict[str, Any]] = {}


class Handler(BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        body = self.body()
        self.send_response(200 if body is not None else 404)
        suffix = Path(self.path.split("?")[0]).suffix if self.path != "/" else ".html"
        self.send_header("Content-Type", KINDS.get(suffix, "application/octet-stream"))
        self.end_headers()
        self.wfile.write(body or b"")

    def body(self) -> bytes | None:
        path = self.path.split("?")[0]
        if path == "/":
            return (Path(__file__).parent / "check.html").read_bytes()
        if path == "/work":
            return json.dumps({"decode": [*self.server.streams], "show": self.server.shown}).encode()
        if path in self.server.streams:
            return self.server.streams[path]
        if path.startswith("/browser/models/"):
            found = [one for one in installed.paths() if installed.file_id(one).hex() == Path(path).stem]
            return model_file.decoder_only(model_file.load(found[0])) if found else None
        file = BROWSER / path.removeprefix("/browser/")
        return file.read_bytes() if path.startswith("/browser/") and ".." not in path and file.is_file() else None

    def do_POST(self) -> None:
        self.server.result = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(204)
        self.end_headers()
        self.server.done.set()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is logged."""


def with_payload(body: bytes, channels: int, width: int, height: int) -> bytes:
    """A picture that names no model."""
    header = Header("image", width, height, channels, False, 60, bytes(8))
    return write(header, [Chunk(chunks.PICTURE, body)])


@pytest.fixture(scope="module")
def bad_files() -> dict[str, bytes]:
    return damaged()


@pytest.fixture(scope="module")
def film() -> bytes:
    """A picture that names a model for video, whose file is deflated."""
    return vaecompress.encode(photo(64, 64), 40, model="video")


@pytest.fixture(scope="module")
def browser(
    bad_files: dict[str, bytes], film: bytes, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Any]]:
    """What Chromium made of all files."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    if not RUNTIME.is_dir():
        pytest.skip(f"needs onnxruntime-web: npm install --prefix {BROWSER.relative_to(ROOT)}")
    site = Site(
        {name: data for name, (data, _) in GOLDEN.items()} | bad_files | {"film": film},
        ["tiny_alpha_metadata_q60.bin", "light_grey_q100.bin", "base_rgb_q60.bin", "checksum", "text"],
    )
    thread = threading.Thread(target=site.serve_forever)
    thread.start()
    profile = tmp_path_factory.mktemp("profile")
    command = [program, "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}"]
    process = subprocess.Popen(
        [*command, f"http://127.0.0.1:{site.server_port}/"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        assert site.done.wait(LIMIT_S), "the page did not finish"
        assert "fault" not in site.result, site.result
        yield site.result
    finally:
        process.kill()
        process.wait()
        site.shutdown()
        thread.join()
        site.server_close()


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_pictures_are_the_same(name: str, browser: dict[str, Any]) -> None:
    found, (data, record) = browser["decoded"][f"/streams/{name}"], GOLDEN[name]
    image = vaecompress.decode(data)
    assert (found.get("size"), found.get("pixels")) == (record["size"], record["pixels"]), found
    assert found["alpha"] == record.get("alpha")
    assert found["metadata"] == [block and block.decode("latin-1") for block in (image.icc, image.exif, image.xmp)]


def test_a_model_file_may_be_deflated(film: bytes, browser: dict[str, Any]) -> None:
    found = browser["decoded"]["/streams/film"]
    assert found.get("pixels") == hashlib.sha256(vaecompress.decode(film).pixels.tobytes()).hexdigest(), found


def test_what_python_refuses_is_refused_alike_in_a_sentence(
    bad_files: dict[str, bytes], browser: dict[str, Any]
) -> None:
    for name, data in bad_files.items():
        found = browser["decoded"][f"/streams/{name.replace(' ', '-')}"]
        with pytest.raises(VaecompressError) as refused:
            vaecompress.decode(data, limits=LIMITS)
        assert found.get("error") == type(refused.value).__name__, (name, found, refused.value)
        assert found["message"]
        assert "\n" not in found["message"]


def test_the_page_shows_pixels_and_sentences(browser: dict[str, Any]) -> None:
    for path, found in browser["shown"].items():
        name = path.removeprefix("/streams/")
        if name not in GOLDEN:
            assert "size" not in found
            assert found["fault"].startswith("CorruptError: ")
            continue
        image = vaecompress.decode(GOLDEN[name][0])
        alpha = np.full(image.pixels.shape[:2], 255, np.uint8) if image.alpha is None else image.alpha
        rgba = np.dstack([np.broadcast_to(image.pixels, (*alpha.shape, 3)), alpha])
        assert found["size"] == [image.width, image.height]
        assert found["fault"] == ""
        if image.alpha is None:  # a canvas keeps colours under alpha multiplied, so not all of them
            assert found["rgba"] == hashlib.sha256(rgba.tobytes()).hexdigest()
