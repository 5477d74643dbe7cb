"""One task at a time, without an engine: what the record says, what is done twice, what is told of a fault."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from command import clip, pixels, save
from PIL import Image

import vaecompress
from vaecompress.batch import Record, Settings, Task, decode_file, encode_file
from vaecompress.batch.manifest import Manifest, read_part, write_part
from vaecompress.batch.status import status_of
from vaecompress.errors import InputError, OutputError

QUICK = Settings(model="tiny", effort=1)


def task(folder: Path, settings: Settings = QUICK, name: str = "a.png") -> Task:
    return Task(str(folder / name), str(folder / "out" / f"{name}.bin"), settings)


def test_a_picture_there_and_back(tmp_path: Path) -> None:
    save(tmp_path / "a.png")
    record = encode_file(task(tmp_path))
    made = Path(record.output).read_bytes()
    assert made == vaecompress.encode(pixels(), model="tiny", effort=1)
    assert (record.exit_code, record.error, record.kind, record.quality) == (0, "", "image", 60)
    assert (record.width, record.height, record.output_bytes) == (80, 48, len(made))
    assert record.bpp == pytest.approx(8 * len(made) / (80 * 48))
    assert Record.from_json(record.to_json()) == record

    back = decode_file(Task(record.output, str(tmp_path / "back" / "a.png"), Settings("decode")))
    assert np.array_equal(np.asarray(Image.open(back.output)), vaecompress.decode(made).pixels)
    other = decode_file(Task(record.output, str(tmp_path / "back" / "a.jpg"), Settings("decode")))
    assert Path(other.output).name == "a.jpg.png"


def test_a_picture_without_loss(tmp_path: Path) -> None:
    save(tmp_path / "a.png", 4)
    record = encode_file(task(tmp_path, Settings(lossless=True)))
    assert (record.exit_code, record.tool, record.psnr_db) == (0, "webp-lossless", 100.0)
    back = decode_file(Task(record.output, str(tmp_path / "back" / "a.png"), Settings("decode")))
    assert np.array_equal(np.asarray(Image.open(back.output)), pixels(4))
    board = np.add.outer(np.arange(64), np.arange(80)) % 2 * 255
    Image.fromarray(board.astype(np.uint8)).save(tmp_path / "a.png")
    assert encode_file(task(tmp_path)).tool == "webp-lossless"
    assert encode_file(task(tmp_path, replace(QUICK, tools="learned"))).tool == "learned"


def test_a_video_there_and_back(tmp_path: Path) -> None:
    stream = clip(tmp_path)
    back = decode_file(Task(str(stream), str(tmp_path / "clip"), Settings("decode")))
    assert (back.kind, back.frames, Path(back.output).name) == ("video", 4, "clip.mp4")
    record = encode_file(task(tmp_path, name="clip.mp4"))
    assert (record.kind, record.frames, record.exit_code, record.error) == ("video", 4, 0, "")
    bounded = encode_file(task(tmp_path, replace(QUICK, bpp=1.0), "clip.mp4"))
    assert bounded.exit_code == 0
    assert bounded.bpp is not None
    assert 0.9 < bounded.bpp <= 1.0


def test_faults_of_the_file_are_recorded_and_those_of_the_output_stop(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\nnonsense")
    record = encode_file(task(tmp_path))
    assert (record.exit_code, record.again) == (3, False)
    assert record.error.startswith(f"{tmp_path / 'a.png'}: ")
    assert record.error.count("a.png") == 1
    missing = encode_file(task(tmp_path, name="b.png"))
    assert (missing.exit_code, missing.again) == (3, True)
    other = encode_file(task(tmp_path, replace(QUICK, model_id="00"), "a.png"))
    assert other.exit_code == 5
    save(tmp_path / "c.png")
    (tmp_path / "out").write_bytes(b"a file in the way")
    with pytest.raises(OutputError):
        encode_file(task(tmp_path, name="c.png"))


def test_a_manifest_knows_what_is_done_and_what_has_changed(tmp_path: Path) -> None:
    save(tmp_path / "a.png")
    manifest = Manifest(str(tmp_path / "manifest"))
    with pytest.raises(InputError):
        status_of(manifest)
    record = encode_file(task(tmp_path))
    lost = replace(record, source="b.png", exit_code=3, again=True, error="b.png: reset")
    assert read_part(manifest.part("1"), 0) is None
    write_part(manifest.part("1"), [record, lost], 0)
    assert read_part(manifest.part("1"), 0) == [record, lost]
    (tmp_path / "manifest" / "part-x.jsonl").write_text('{"source": "half a li')

    known, same = manifest.known(), replace(task(tmp_path), version=record.etag)
    assert known.exit_code(same) == 0
    changed = [replace(same, version="other"), replace(same, settings=replace(QUICK, quality=50))]
    assert [known.exit_code(one) for one in changed] == [None, None]
    assert all(map(known.has_other, changed))
    assert not known.has_other(same)
    assert known.exit_code(replace(same, source="b.png")) is None

    manifest.write_run({"settings": QUICK.text, "found": 7})
    status = status_of(manifest)
    assert (status.found, status.done, status.failed) == (7, 1, ["b.png: reset"])
    assert Fraction(status.output_bytes) == record.output_bytes


def test_settings_in_a_line() -> None:
    assert Settings(quality=60, model="tiny", model_id="5f").text == "encode quality=60 model_id=5f"
    assert Settings("decode").text == "decode"
