"""The published figures that travel with the project."""

import pytest

pytest.importorskip("skimage", reason="the evaluation needs scikit-image: pip install 'vaecompress[eval]'")

from vaecompress_eval.measure.bd_rate import bd_rate
from vaecompress_eval.measure.metrics import Quality
from vaecompress_eval.measure.published import is_kodak, kodak_curves, published_figures
from vaecompress_eval.measure.results import Result
from vaecompress_eval.measure.summary import LUMA_PSNR, MS_SSIM, PSNR, RateRange
from vaecompress_eval.report.markdown import markdown
from vaecompress_eval.run.pictures import Run


@pytest.mark.parametrize(
    ("codec", "anchor", "percent"),
    [("DCAE", "VTM 9.1", -17.0), ("BPG 4:4:4", "VTM 9.1", 22.0), ("AV1 (libaom)", "BPG 4:4:4", -6.2)],
)
def test_the_curves_give_the_published_bd_rates(codec: str, anchor: str, percent: float) -> None:
    curves = kodak_curves(PSNR)
    assert bd_rate(curves[codec], curves[anchor]).percent == pytest.approx(percent, abs=0.06)


def test_the_table_agrees_with_the_curves() -> None:
    curves = kodak_curves(PSNR)
    checked = 0
    for figure in published_figures():
        # the table states float results for mbt and bmshj models, the curves are those of their 8-bit pictures
        if figure.origin == "computed" and figure.codec in curves:
            percent = bd_rate(curves[figure.codec], curves["VTM 9.1"]).percent
            assert percent == pytest.approx(float(figure.psnr_bd_rate_percent), abs=0.7)
            checked += 1
    assert checked >= 8


def test_curves_exist_only_where_somebody_published() -> None:
    assert "DCAE" not in kodak_curves(MS_SSIM)
    assert 8.0 < kodak_curves(MS_SSIM)["VTM 9.1"][0].quality_db < 9.0
    assert kodak_curves(LUMA_PSNR) == {}


def result(name: str, width: int, height: int) -> Result:
    return Result(name, "", width, height, "a", "1", "", 1, 1, 0.0, 0.0, Quality(30.0, 30.0, None, None, None))


@pytest.mark.parametrize(("name", "shown"), [("kodim01.png", True), ("mine.png", False)])
def test_a_report_on_kodak_has_the_table_marked_as_published(name: str, shown: bool) -> None:
    text = markdown(Run([], [], [result(name, 768, 512)], [], {}, []), "a", RateRange(0.1, 1.2), [])
    assert ("not measured here" in text) is shown
    assert ("| PULSE | - | near HM | 5.2 | published | arXiv 2609.18602" in text) is shown
    assert ("| PICO |" in text) is shown


def test_kodak_is_known_by_name_and_size() -> None:
    assert is_kodak([result("kodim01.png", 768, 512), result("kodim04.png", 512, 768)])
    assert not is_kodak([result("kodim01.png", 768, 512), result("mine.png", 768, 512)])
    assert not is_kodak([result("kodim01.png", 384, 256)])
    assert not is_kodak([])
