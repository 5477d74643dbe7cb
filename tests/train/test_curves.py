import builtins
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vaecompress.errors import CorruptError, OutputError, UsageError
from vaecompress.train.curves import CurveLog, CurveRow, TensorBoardLog, plot_curves, read_rows

ROWS = [
    CurveRow(10, 0.25, 2_621_440, "train", loss=3.5, learning_rate=0.001, steps_per_s=4.25),
    CurveRow(10, 0.25, 2_621_440, "q50", loss=3.25, bpp=0.5, psnr_db=30.125),
    CurveRow(20, 0.5, 5_242_880, "train", loss=2.5, learning_rate=0.001, steps_per_s=4.5),
    CurveRow(20, 0.5, 5_242_880, "q50", loss=2.25, bpp=0.375, psnr_db=31.0),
    CurveRow(30, 0.75, 7_864_320, "train", loss=float("inf")),
]


def logged(path: Path) -> CurveLog:
    log = CurveLog(path)
    for row in ROWS:
        log.append(row)
    return log


def test_rows_come_back(tmp_path: Path) -> None:
    path = tmp_path / "run" / "curves.csv"
    assert logged(path).rows == ROWS
    assert read_rows(path) == ROWS
    header, first, *_ = path.read_text().splitlines()
    assert header == "step,minutes,pixels,series,loss,bpp,psnr_db,learning_rate,steps_per_s"
    assert first == "10,0.25,2621440,train,3.5,,,0.001,4.25"


def test_resuming_drops_what_came_later(tmp_path: Path) -> None:
    path = tmp_path / "curves.csv"
    logged(path)
    log = CurveLog(path, resume_step=20)
    assert log.rows == ROWS[:4]
    log.append(ROWS[4])
    assert read_rows(path) == ROWS


def test_a_new_run_starts_afresh(tmp_path: Path) -> None:
    path = tmp_path / "curves.csv"
    logged(path)
    assert CurveLog(path).rows == []
    assert read_rows(path) == []


def test_numpy_values_are_written_as_numbers(tmp_path: Path) -> None:
    path = tmp_path / "curves.csv"
    log = CurveLog(path)
    log.append(CurveRow(1, 0.1, 5, "train", loss=np.float64(0.1), bpp=np.float32(0.5)))  # type: ignore[arg-type]
    assert read_rows(path) == [CurveRow(1, 0.1, 5, "train", loss=0.1, bpp=0.5)]


def test_a_line_cut_by_a_crash_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "curves.csv"
    logged(path)
    path.write_text(path.read_text()[:-4])
    assert read_rows(path) == ROWS[:4]


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "{}"])
def test_another_table_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "curves.csv"
    path.write_text(text)
    with pytest.raises(CorruptError, match=r"curves\.csv"):
        CurveLog(path, resume_step=1)


@pytest.mark.parametrize("line", ["10,0.1,x,train,,,,,", "10", "10,0.1,1,train,low,,,,"])
def test_a_damaged_line_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "curves.csv"
    logged(path)
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(CorruptError, match="line 7"):
        read_rows(path)


def test_the_folder_vanished(tmp_path: Path) -> None:
    log = logged(tmp_path / "run" / "curves.csv")
    log.path.unlink()
    log.path.parent.rmdir()
    with pytest.raises(OutputError, match="cannot be written"):
        log.append(ROWS[0])


@pytest.mark.parametrize("count", [0, 1, len(ROWS)])
def test_plot(tmp_path: Path, count: int) -> None:
    pytest.importorskip("matplotlib", reason="needs matplotlib (the train extra)")
    plot_curves(ROWS[:count], tmp_path / "curves.png")
    with Image.open(tmp_path / "curves.png") as picture:
        assert picture.size == (1100, 900)
        colours = {colour for _, colour in picture.convert("RGB").getcolors(1 << 24) or []}
    assert ((31, 119, 180) in colours) == (count == len(ROWS)), "the validation series is drawn when there is one"


def tf_records(data: bytes) -> Iterator[bytes]:
    """The records of a file of TensorFlow's: length, CRC, body, CRC."""
    while data:
        (length,) = struct.unpack_from("<Q", data)
        yield data[12 : 12 + length]
        data = data[16 + length :]


def test_rows_name_what_was_measured() -> None:
    assert ROWS[1].measured == {"q50/loss": 3.25, "q50/bpp": 0.5, "q50/psnr_db": 30.125}
    assert ROWS[0].measured == {"train/loss": 3.5, "train/learning_rate": 0.001, "train/steps_per_s": 4.25}


def test_tensorboard_events_hold_the_values(tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX", reason="needs tensorboardX (the train extra)")
    from tensorboardX.proto.event_pb2 import Event

    log = TensorBoardLog(tmp_path)
    for row in ROWS[:4]:
        log.append(row)
    log.close()
    (file,) = (tmp_path / "q50").iterdir()
    found = {}
    for record in tf_records(file.read_bytes()):
        event = Event.FromString(record)
        for value in event.summary.value:
            found[event.step, value.tag] = value.simple_value
    assert found == {
        (10, "loss"): 3.25,
        (10, "bpp"): 0.5,
        (10, "psnr_db"): 30.125,
        (20, "loss"): 2.25,
        (20, "bpp"): 0.375,
        (20, "psnr_db"): 31.0,
    }


def test_tensorboard_without_its_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    real = builtins.__import__

    def absent(name: str, *rest: Any) -> Any:
        if name.startswith("tensorboardX"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(UsageError, match="pip install"):
        TensorBoardLog(tmp_path)
