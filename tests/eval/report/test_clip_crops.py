"""Which settings of video codecs are put side by side."""

import pytest

pytest.importorskip("skimage", reason="the evaluation needs scikit-image: pip install 'vaecompress[eval]'")
pytest.importorskip("av")

from vaecompress_eval.measure.metrics import Quality
from vaecompress_eval.measure.results import Result
from vaecompress_eval.run.file_of_size import nearest_results

NOTHING = Quality(None, None, None, None, None)


def result(codec: str, file_bytes: int) -> Result:
    """Of a clip of 800 pixels."""
    return Result("clip", "", 10, 10, codec, "1", "", file_bytes, file_bytes, 0.1, 0.1, NOTHING, frames=8)


def test_all_follow_the_rate_of_the_first() -> None:
    results = [result(codec, size) for codec, size in (("b", 20), ("b", 61), ("a", 10), ("a", 70), ("b", 30))]
    nearest = nearest_results(results, ["a", "absent", "b"], target_bpp=0.3)
    assert {codec: one.file_bytes for codec, one in nearest.items()} == {"a": 10, "b": 20}
    assert nearest_results(results, ["a", "b"], target_bpp=0.6)["b"].file_bytes == 61
