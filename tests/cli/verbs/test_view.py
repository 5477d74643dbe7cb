"""``vaecompress view``: a page for this machine only, with the pixels that decoding gives, and faults in a sentence."""

import http.client
import io
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from command import clip, finish, run, save, start, streams
from PIL import Image
from vaecompress_cli.jobs.viewer import Viewer

import vaecompress


@pytest.fixture
def viewer(tmp_path: Path) -> Iterator[Viewer]:
    damaged = tmp_path / "damaged.bin"
    stream = streams(tmp_path)
    damaged.write_bytes(stream.read_bytes()[:-3])
    with Viewer([save(tmp_path / "a.png"), stream, damaged, clip(tmp_path)], 0, str) as served:
        thread = threading.Thread(target=served.serve_forever)
        thread.start()
        yield served
        served.shutdown()
        thread.join()


def get(viewer: Viewer, path: str, host: str = "127.0.0.1") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", viewer.server_port, timeout=60)
    try:
        connection.request("GET", path, headers={"Host": f"{host}:{viewer.server_port}"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_files_are_shown_as_they_decode(viewer: Viewer) -> None:
    assert viewer.server_address[0] == "127.0.0.1"
    assert get(viewer, "/")[0] == 200
    assert json.loads(get(viewer, "/files")[1]) == [str(file) for file in viewer.files]
    for index, wanted in enumerate([Image.open, lambda file: vaecompress.decode(file).pixels]):
        status, png = get(viewer, f"/file/{index}")
        assert status == 200
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(png))), np.asarray(wanted(viewer.files[index])))
    assert Image.open(io.BytesIO(get(viewer, "/file/3")[1])).size == (80, 48)


def test_faults_are_a_sentence_and_others_are_refused(viewer: Viewer) -> None:
    status, text = get(viewer, "/file/2")
    assert status == 422
    assert b"cut off" in text
    assert b"\n" not in text
    for path in ("/file/4", "/file/-1", "/file/../../etc/passwd", "/etc/passwd"):
        assert get(viewer, path)[0] == 404
    assert get(viewer, "/file/0", host="evil.example")[0] == 403


def test_the_command_says_where_and_refuses_what_is_not_there(tmp_path: Path) -> None:
    process = start("view", save(tmp_path / "a.png"))
    assert process.stdout is not None
    assert process.stdout.readline().startswith(b"http://127.0.0.1:")
    process.terminate()
    assert finish(process)[0] == 130
    assert run("view", tmp_path / "b.png") == 2
