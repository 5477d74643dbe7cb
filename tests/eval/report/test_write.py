"""The report's files: what stands in them, and that they need nothing else."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from stand_ins import Quantiser, write_pictures

pytest.importorskip("skimage", reason="the evaluation needs scikit-image: pip install 'vaecompress[eval]'")
pytest.importorskip("matplotlib", reason="the report needs matplotlib: pip install 'vaecompress[eval]'")

from vaecompress_eval.measure.pictures import find_pictures
from vaecompress_eval.measure.results import Result, ResultCache
from vaecompress_eval.measure.summary import RateRange
from vaecompress_eval.report.write import make_folder, picture_crops, worst_pictures, write_report
from vaecompress_eval.run.pictures import Run, run
from vaecompress_eval.run.processes import Cost, Speed

from vaecompress.errors import OutputError

SPEED = Speed("kodim.png", "ours", 8, 0.5, Cost(0.5, 0.25, 70_000_000, 20_000_000), Cost(0.125, 0.03, None, None))
RATES = RateRange(0.0, 99.0)


class Estimated(Quantiser):
    """As the quantiser, with an entropy estimate of four fifths of the file."""

    def ideal_bits(self, pixels: np.ndarray, setting: float) -> float:
        return 8 * 0.8 * len(self.encode(pixels, setting))


class Wasteful(Quantiser):
    """As the quantiser, in half as many bytes again."""

    def encode(self, pixels: np.ndarray, setting: float) -> bytes:
        data = super().encode(pixels, setting)
        return data + bytes(len(data) // 2)

    def decode(self, data: bytes) -> np.ndarray:
        return super().decode(data[: len(data) * 2 // 3 + 1])


@pytest.fixture(scope="module")
def peers() -> list[Quantiser]:
    return [Estimated(name="ours"), Wasteful(name="theirs"), Quantiser(name="absent", command="pip install absent")]


@pytest.fixture(scope="module")
def found(peers: list[Quantiser], tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("pictures")
    write_pictures(folder)
    (folder / "broken.png").write_text("</script>")
    return run(find_pictures(folder), peers, ResultCache(folder / "cache"), lambda *_: None)


@pytest.fixture(scope="module")
def report(found: Run, peers: list[Quantiser], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report") / "deep"
    make_folder(folder)
    write_report(found, "ours", RATES, [SPEED], list(picture_crops(found, peers[:2], "ours", RATES)), folder)
    return folder


def page_data(report: Path) -> dict:
    page = (report / "report.html").read_text()
    (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    return json.loads(text)


def test_markdown_states_the_bd_rate_and_the_gaps(report: Path) -> None:
    text = (report / "report.md").read_text()
    assert "| theirs | -33.3 % | picture" in text
    assert "- absent is not installed: `pip install absent`" in text
    assert "| ours | 0.500 | 0.50 s (250 ms) | 0.12 s (30 ms) | 70 (20) / - |" in text
    assert "Files of ours are 25.00 % larger than its entropy estimate" in text
    assert "broken.png: " in text


def test_the_page_holds_the_same_numbers(report: Path, found: Run) -> None:
    data = page_data(report)
    psnr = next(one for one in data["comparisons"] if one["measure"] == "psnr_rgb_db")
    assert psnr["mean"] == pytest.approx(-33.3, abs=0.1)
    assert data["missing"]["absent"] == "pip install absent"
    assert len(data["points"]) == 12
    first = data["points"][0]
    group = [result for result in found.results if (result.codec, result.setting) == ("ours", first["setting"])]
    assert first["bpp"] == pytest.approx(sum(result.bpp for result in group) / 2)
    assert first["ideal_bpp"] == pytest.approx(0.8 * first["bpp"])
    assert [codec["ideal_gap_percent"] for codec in data["codecs"]] == [pytest.approx(25.0), None]
    assert data["figures"] == []
    assert data["codecs"][0]["speed"]["encode"]["process_s"] == 0.5
    assert data["codecs"][1]["speed"] is None


def test_the_page_needs_no_network(report: Path) -> None:
    page = (report / "report.html").read_text()
    assert not re.search(r"""(src|href)\s*=\s*["']?(https?:)?//""", page)
    assert "@import" not in page
    assert "fetch(" not in page


def test_the_page_shows_crops_of_every_codec(report: Path) -> None:
    crops = page_data(report)["crops"]
    assert [len(one["coded"]) for one in crops] == [2, 2]
    assert crops[0]["original"].startswith("data:image/webp;base64,")


def test_curves_and_results_are_written(report: Path, found: Run) -> None:
    assert (report / "psnr.svg").read_text().startswith("<?xml")
    assert (report / "psnr.png").stat().st_size > 10_000
    lines = (report / "results.jsonl").read_text().splitlines()
    assert [Result.from_json(line) for line in lines] == found.results


def test_the_worst_picture_comes_first(found: Run) -> None:
    worse = [result for result in found.results if result.picture == "picture1.png" and result.codec == "ours"]
    heavier = [Result(**{**vars(one), "file_bytes": one.file_bytes * 2}) for one in worse]
    changed = Run(
        found.pictures,
        found.peers,
        [*(result for result in found.results if result not in worse), *heavier],
        [],
        {},
        [],
    )
    assert worst_pictures(changed, "ours", RATES) == ["picture1.png", "picture0.png"]


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot make the report's folder"):
        make_folder(tmp_path / "file" / "report")
