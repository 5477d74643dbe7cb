"""Goals: found with few encodings; at more effort than they are looked for with kept, no worse, and few again."""

import pytest
from photo import photo

from vaecompress.defaults import DEFAULT_EFFORT
from vaecompress.encoder import latent_search, quality_search
from vaecompress.encoder.effort import EFFORTS, Effort
from vaecompress.encoder.goal import Goal
from vaecompress.encoder.still import ImageEncoder
from vaecompress.media.image import Image
from vaecompress.models import registry

FULL = EFFORTS[5]


@pytest.fixture(scope="module")
def codec(tiny_model_path):
    return ImageEncoder(registry.load(tiny_model_path, threads=1))


@pytest.fixture
def full_encodings(monkeypatch):
    """The qualities encoded at full effort, as they happen."""
    seen, run = [], latent_search.Search.run

    def counted(self: latent_search.Search, effort: Effort, progress: object = None) -> object:
        if effort == FULL:
            seen.append(self._quality)
        return run(self, effort)

    monkeypatch.setattr(latent_search.Search, "run", counted)
    return seen


@pytest.mark.parametrize("max_bytes", [700, 1500])
def test_a_size_is_never_exceeded(codec, full_encodings, max_bytes):
    image, goal = Image(photo()), Goal(size_bytes=max_bytes)
    usual, best = (codec.encode(image, goal, effort=effort) for effort in (EFFORTS[DEFAULT_EFFORT], FULL))
    assert len(best.data) <= max_bytes
    assert best.psnr_db >= usual.psnr_db
    assert 1 <= len(full_encodings) <= quality_search.QUALITIES_AT_FULL_EFFORT


@pytest.mark.parametrize("wanted_db", [30.0, 33.0])
def test_a_psnr_is_never_missed(codec, full_encodings, wanted_db):
    image, goal = Image(photo()), Goal(psnr_db=wanted_db)
    usual, best = (codec.encode(image, goal, effort=effort) for effort in (EFFORTS[DEFAULT_EFFORT], FULL))
    assert best.psnr_db >= wanted_db
    assert len(best.data) <= len(usual.data)
    assert 1 <= len(full_encodings) <= quality_search.QUALITIES_AT_FULL_EFFORT


@pytest.mark.parametrize("goal", [Goal(size_bytes=10_000_000), Goal(psnr_db=5.0)])
def test_at_the_ends_of_quality(codec, full_encodings, goal):
    encoded = codec.encode(Image(photo()), goal, effort=FULL)
    assert encoded.quality == (100 if goal.size_bytes else 1)
    assert full_encodings == [encoded.quality]


@pytest.mark.parametrize("slope", [0.01, 0.5, 1.0, 3.0])
def test_the_first_not_negative_of_every_line(slope):
    for first in range(1, 102):
        looked_at: list[int] = []

        def excess(x: int, first: int = first, looked_at: list[int] = looked_at) -> float:
            assert 1 <= x <= 100
            looked_at.append(x)
            return slope * (x - first) + slope / 3

        assert quality_search.first_not_negative(excess, 1, 100) == first
        assert len(set(looked_at)) == len(looked_at) <= 12


def test_steps_curves_and_infinity_do_not_keep_it_from_its_end():
    for curve in (lambda x: x**3, lambda x: float("inf") if x >= 0 else -(2.0**-x), lambda x: 1.0 if x >= 0 else -1e-9):
        for first in range(1, 102):
            assert (
                quality_search.first_not_negative(lambda x, first=first, curve=curve: curve(x - first), 1, 100) == first
            )


def test_a_usual_goal_takes_few_encodings(codec, monkeypatch):
    seen, run = [], latent_search.Search.run

    def counted(self: latent_search.Search, effort: Effort, progress: object = None) -> object:
        seen.append(self._quality)
        return run(self, effort)

    monkeypatch.setattr(latent_search.Search, "run", counted)
    for goal in (Goal(size_bytes=1500), Goal(psnr_db=33.7), Goal(bpp=1.0)):
        seen.clear()
        codec.encode(Image(photo()), goal)
        assert len(seen) <= 5
