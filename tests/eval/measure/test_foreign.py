"""Result files of other people: read, refused, and drawn in a report."""

import json
from pathlib import Path

import pytest
from stand_ins import Quantiser, write_pictures

pytest.importorskip("skimage", reason="the evaluation needs scikit-image: pip install 'vaecompress[eval]'")
pytest.importorskip("matplotlib", reason="the report needs matplotlib: pip install 'vaecompress[eval]'")

from vaecompress_eval.measure.bd_rate import Point
from vaecompress_eval.measure.foreign import read_curve
from vaecompress_eval.measure.pictures import find_pictures
from vaecompress_eval.measure.results import ResultCache
from vaecompress_eval.measure.summary import LUMA_PSNR, MS_SSIM, PSNR, RateRange, mean_curve
from vaecompress_eval.report.write import make_folder, write_report
from vaecompress_eval.run.pictures import run

from vaecompress.errors import InputError

RESULTS = {"bpp": [0.5, 0.25], "psnr-rgb": [34.0, 31.5], "ms-ssim-rgb": [0.99, 0.9]}


def written(path: Path, record: object) -> Path:
    path.write_text(json.dumps(record))
    return path


def test_a_result_file_becomes_curves(tmp_path: Path) -> None:
    curve = read_curve(written(tmp_path / "a.json", {"name": "theirs", "description": "", "results": RESULTS}))
    assert curve.name == "theirs"
    assert curve.curve(PSNR) == [Point(0.25, 31.5), Point(0.5, 34.0)]
    assert curve.curve(MS_SSIM) == [Point(0.25, pytest.approx(10.0)), Point(0.5, pytest.approx(20.0))]
    assert curve.curve(LUMA_PSNR) == []
    old = read_curve(written(tmp_path / "old.json", {"results": {"bpp": [1], "psnr": [40]}}))
    assert (old.name, old.curve(PSNR), old.curve(MS_SSIM)) == ("old", [Point(1.0, 40.0)], [])


@pytest.mark.parametrize(
    "record",
    [
        [], {}, {"results": {}}, {"results": {"bpp": [1]}}, {"results": {"psnr": [1]}}, {"results": 3},
        {"results": {"bpp": [1, 2], "psnr": [30]}}, {"results": {"bpp": [float("nan")], "psnr": [30]}},
        {"results": {"bpp": ["x"], "psnr": [30]}},
    ],
)  # fmt: skip
def test_what_is_no_result_file_is_refused_by_name(tmp_path: Path, record: object) -> None:
    with pytest.raises(InputError, match=r"bad\.json"):
        read_curve(written(tmp_path / "bad.json", record))
    with pytest.raises(InputError, match="cannot be read"):
        read_curve(tmp_path / "missing.json")


def test_the_report_draws_them_and_gives_a_bd_rate(tmp_path: Path) -> None:
    write_pictures(tmp_path)
    peers = [Quantiser(name="ours")]
    found = run(find_pictures(tmp_path), peers, ResultCache(tmp_path / "cache"), lambda *_: None)
    own = mean_curve(found.results, "ours", PSNR)
    double = {"bpp": [2 * point.rate_bpp for point in own], "psnr": [point.quality_db for point in own]}
    found.foreign.append(read_curve(written(tmp_path / "their.json", {"name": "theirs", "results": double})))
    make_folder(tmp_path / "report")
    text = write_report(found, "ours", RateRange(0.0, 99.0), [], [], tmp_path / "report")
    assert f"| theirs | -50.0 % | - | {tmp_path / 'their.json'} |" in text
    assert "theirs (not measured here)" in (tmp_path / "report" / "psnr.svg").read_text()
    page = (tmp_path / "report" / "report.html").read_text()
    assert '"foreign":{"psnr_rgb_db":{"theirs":[[' in page
