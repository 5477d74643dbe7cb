"""The table of denoisers: who is in it, and that its numbers are those of the pictures."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("skimage", reason="needs the eval extra")

from photo import photo
from PIL import Image
from vaecompress_eval import denoise


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Image.fromarray(photo(80, 90)).save(tmp_path / "a.png")
    return tmp_path


def test_both_tables(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert denoise.main([str(folder), "--sigmas", "20", "--crop", "64", "--model", "tiny"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("| noise known | noisy | vaecompress | non-local means |")
    assert any(line.startswith("| noise estimated |") for line in lines)
    known, estimated = (line.split("|") for line in lines if line.startswith("| 20 |"))
    noisy, ours, others = (float(cell.split()[0]) for cell in known[2:5])
    assert noisy == pytest.approx(22.1, abs=0.3)
    assert ours > noisy + 3
    assert others > noisy + 3
    assert known[2] == estimated[2]


def test_what_was_measured_is_kept(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = folder / "scores.jsonl"
    words = [str(folder), "--sigmas", "20", "--crop", "64", "--model", "tiny", "--scores", str(kept)]
    assert denoise.main(words) == 0
    first, lines = capsys.readouterr().out, kept.read_text().splitlines()
    assert len(lines) == 2 * len(denoise.methods("tiny"))
    kept.write_text(
        "\n".join(line.replace(line[line.rindex(",") + 1 :], " 12.5]") for line in lines[:1] + lines[2:]) + "\n"
    )
    assert denoise.main(words) == 0
    again = capsys.readouterr().out
    assert "| 12.50 dB |" in again
    assert kept.read_text().splitlines()[-1] == lines[1]
    assert again.splitlines()[0] == first.splitlines()[0]
    kept.write_text("[1\n")
    assert denoise.main(words) != 0
    assert "is damaged" in capsys.readouterr().err


def test_rates(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(denoise, "QUALITIES", (5, 15, 25, 40))
    assert denoise.main([str(folder), "--sigmas", "20", "--model", "tiny", "--rates"]) == 0
    head, _, row = capsys.readouterr().out.splitlines()[:3]
    assert "against non-local means, then encode" in head
    assert row.startswith("| 20 | ")
    assert row.rstrip(" |").endswith(("%", "not comparable"))


def test_a_picture_of_them(folder: Path) -> None:
    words = [str(folder), "--sigmas", "20", "--crop", "64", "--model", "tiny", "--picture", str(folder / "b.png")]
    assert denoise.main(words) == 0
    made = np.asarray(Image.open(folder / "b.png"))
    assert made.shape[0] == 64
    np.testing.assert_array_equal(made[:, -64:], photo(80, 90)[8:72, 13:77])


def test_noise_is_clipped_and_has_its_deviation() -> None:
    flat = np.full((100, 100, 3), 128, np.uint8)
    assert denoise.noisy(flat, 25, 0).std() == pytest.approx(25, rel=0.02)
    assert not np.array_equal(denoise.noisy(flat, 25, 0), denoise.noisy(flat, 25, 1))
    assert denoise.noisy(np.full((9, 9, 3), 255, np.uint8), 25, 0).max() == 255


def test_noise_that_is_no_number(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert denoise.main([str(folder), "--sigmas", "much"]) == 2
    assert "--sigmas much" in capsys.readouterr().err
