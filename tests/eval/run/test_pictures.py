"""The run: what it measures, what it remembers, what it reports instead of raising."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from stand_ins import Quantiser, natural, write_pictures

pytest.importorskip("skimage", reason="the evaluation needs scikit-image: pip install 'vaecompress[eval]'")

from vaecompress_eval.measure import metrics
from vaecompress_eval.measure.pictures import find_pictures, load_picture
from vaecompress_eval.measure.results import ResultCache
from vaecompress_eval.run.pictures import Failure, run

from vaecompress.errors import InputError


def silent(done: int, total: int, current: str) -> None:
    """No progress bar."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    write_pictures(pictures)
    return pictures


def test_bytes_and_measures_are_those_of_the_real_file(folder: Path, tmp_path: Path) -> None:
    peer = Quantiser()
    found = run(find_pictures(folder), [peer], ResultCache(tmp_path / "cache"), silent)
    assert len(found.results) == 2 * len(peer.settings)
    first = found.results[0]
    picture = load_picture(folder / "picture0.png")
    assert (first.picture, first.width, first.height) == ("picture0.png", 48, 40)
    assert first.file_bytes == len(peer.encode(picture.pixels, first.setting))
    assert first.bpp == 8 * first.file_bytes / (48 * 40)


def test_a_second_run_measures_nothing_again(folder: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    before = run(find_pictures(folder), [Quantiser()], ResultCache(cache), silent)
    again = Quantiser()
    after = run(find_pictures(folder), [again], ResultCache(cache), silent)
    assert after.results == before.results
    assert again.calls == []


def test_a_stopped_run_goes_on_where_it_stopped(folder: Path, tmp_path: Path) -> None:
    def stop(done: int, total: int, current: str) -> None:
        if done == 4:
            raise KeyboardInterrupt

    cache = tmp_path / "cache"
    with pytest.raises(KeyboardInterrupt):
        run(find_pictures(folder), [Quantiser()], ResultCache(cache), stop)
    again = Quantiser()
    found = run(find_pictures(folder), [again], ResultCache(cache), silent)
    assert len(found.results) == 12
    assert len(again.calls) == 12 - 4


def test_progress_counts_every_measurement(folder: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    peers = [Quantiser(), Quantiser(name="other", settings=(16, 8))]
    run(
        find_pictures(folder), peers, ResultCache(tmp_path / "cache"), lambda done, total, _: seen.append((done, total))
    )
    assert seen[-1] == (16, 16)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_what_fails_is_named_and_the_rest_goes_on(folder: Path, tmp_path: Path) -> None:
    (folder / "text.png").write_text("not a picture")
    found = run(find_pictures(folder), [Quantiser(refuse=32)], ResultCache(tmp_path / "cache"), silent)
    assert len(found.results) == 2 * 5
    assert Failure("picture1.png", "quantiser", "RuntimeError: no thanks") in found.failures
    assert [failure.codec for failure in found.failures if failure.picture == "text.png"] == ["reader"]


def test_alpha_is_left_out_aloud(tmp_path: Path) -> None:
    Image.fromarray(np.dstack([natural(20, 20), np.zeros((20, 20), np.uint8)])).save(tmp_path / "clear.png")
    found = run(find_pictures(tmp_path), [Quantiser()], ResultCache(tmp_path / "cache"), silent)
    assert found.notes == ["clear.png: alpha left out"]
    assert found.results


def test_a_peer_that_is_not_installed_is_named_with_its_command(folder: Path, tmp_path: Path) -> None:
    absent = Quantiser(name="absent", command="pip install absent")
    found = run(find_pictures(folder), [Quantiser(), absent], ResultCache(tmp_path / "cache"), silent)
    assert found.missing["absent"] == "pip install absent"
    assert absent.calls == []


def test_a_measure_that_is_not_installed_is_named_with_its_command(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "has_ssimulacra2", lambda: False)
    monkeypatch.setattr(metrics, "vmaf_ffmpeg", lambda: None)
    found = run(find_pictures(folder), [Quantiser()], ResultCache(tmp_path / "cache"), silent)
    assert found.missing == {"SSIMULACRA2": "pip install ssimulacra2", "VMAF": "pip install imageio-ffmpeg"}


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no picture"):
        find_pictures(tmp_path)
