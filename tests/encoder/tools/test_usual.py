"""A picture that comes back far worse than usual has a note that says so, and what would help."""

from pathlib import Path

import numpy as np
import pytest
from command import MODEL, run, save
from photo import photo
from PIL import Image as Pillow

import vaecompress
from vaecompress.bitstream import Tool
from vaecompress.encoder.goal import Goal
from vaecompress.encoder.tools.file import Encoded
from vaecompress.encoder.tools.usual import FAR_BELOW_DB, USUAL_DB, poor_note, usual_psnr_db
from vaecompress.models import registry

NOISE = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)


def encoded(quality: int, psnr_db: float) -> Encoded:
    return Encoded(b"", quality, 1.0, psnr_db, "tiny", Tool.LEARNED)


def test_the_usual_rises_with_quality_and_lies_between_what_was_measured() -> None:
    values = [usual_psnr_db(quality, {}) for quality in range(1, 101)]
    assert values == sorted(values)
    assert all(usual_psnr_db(quality, {}) == value for quality, value in USUAL_DB.items())
    assert usual_psnr_db(55, {}) == pytest.approx((USUAL_DB[50] + USUAL_DB[60]) / 2)


def test_a_model_may_say_what_is_usual_of_it() -> None:
    card = registry.load("tiny").file.card
    assert usual_psnr_db(60, {"usual_psnr_db": [[1, 20.0], [100, 30.0]]}) == pytest.approx(20 + 590 / 99)
    assert 3 < usual_psnr_db(60, {}) - usual_psnr_db(60, card) < 9


@pytest.mark.parametrize("quality", [1, 33, 60, 100])
def test_six_decibels_below_are_too_many(quality: int) -> None:
    least, goal = usual_psnr_db(quality, {}) - FAR_BELOW_DB, Goal(quality=quality)
    assert poor_note(encoded(quality, least - 0.1), goal, True, {}) is not None
    assert poor_note(encoded(quality, least + 0.1), goal, True, {}) is None
    assert poor_note(encoded(quality, float("inf")), goal, True, {}) is None


def test_the_note_names_what_would_help() -> None:
    poor = encoded(60, usual_psnr_db(60, {}) - 20)
    note = poor_note(poor, Goal(quality=60), True, {})
    assert (
        note
        == f"{poor.psnr_db:.1f} dB is 20 dB below what quality 60 usually gives; what helps: a higher quality, lossless"
    )
    note = poor_note(poor, Goal(size_bytes=9), False, {})
    assert note is not None
    assert note.endswith("; what helps: other tools than networks, a higher limit, lossless")
    note = poor_note(encoded(100, 13.0), Goal(quality=100), True, {})
    assert note is not None
    assert note.endswith("; what helps: lossless")
    assert poor_note(poor, Goal(psnr_db=10.0), True, {}) is None
    assert poor_note(encoded(60, usual_psnr_db(60, {})), Goal(quality=60), True, {}) is None


def test_the_package_warns() -> None:
    with pytest.warns(UserWarning, match=r"dB below what quality 30 usually gives"):
        vaecompress.encode(NOISE, 30, model="tiny", effort=1, tools="learned")


def test_the_command_line_says_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Pillow.fromarray(NOISE).save(tmp_path / "noise.png")
    assert run("encode", tmp_path / "noise.png", tmp_path / "a.bin", *MODEL, "--tools", "learned") == 0
    assert f"note: {tmp_path / 'noise.png'}: " in capsys.readouterr().err
    assert run("encode", save(tmp_path / "photo.png"), tmp_path / "b.bin", *MODEL) == 0
    assert "note" not in capsys.readouterr().err


def test_a_photograph_has_no_note() -> None:
    assert vaecompress.encode(photo(), 60, model="tiny", effort=1)
