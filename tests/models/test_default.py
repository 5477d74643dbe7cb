"""Which model encodes where none is named, among stand-ins that are a card and nothing else."""

from pathlib import Path
from typing import Any

import pytest

from vaecompress.errors import CorruptError, UsageError
from vaecompress.models import file as model_file
from vaecompress.models import installed, registry
from vaecompress.models.default import DEFAULT_KMAC_PER_PIXEL, VIDEO, default_model

AT_LIMIT, OVER = DEFAULT_KMAC_PER_PIXEL, DEFAULT_KMAC_PER_PIXEL + 0.01


def folder_of(folder: Path, **cards: tuple[float | None, float | None]) -> Path:
    """Model files of (kMAC a pixel, BD-rate), both ``None`` where the card does not tell."""
    for name, (cost, rate) in cards.items():
        card: dict[str, Any] = {"decoder_kmac_per_pixel": cost, "bd_rate_percent": rate}
        told = {key: value for key, value in card.items() if value is not None}
        (folder / f"{name}.vcm").write_bytes(model_file.serialise(told, {"a": bytes(5000)}, {}))
    return folder


def test_a_model_of_stills_is_not_taken_for_one_of_video(tmp_path: Path) -> None:
    folder_of(tmp_path, light=(5.6, 2.0))
    with pytest.raises(UsageError, match="no video model"):
        default_model(tmp_path, VIDEO)
    card = {"decoder_kmac_per_pixel": 1.0, "bd_rate_percent": -50.0, "kind": VIDEO}
    (tmp_path / "film.vcm").write_bytes(model_file.serialise(card, {"a": bytes(5000)}, {}))
    assert default_model(tmp_path, VIDEO) == "film"
    assert default_model(tmp_path) == "light"


@pytest.mark.parametrize(
    ("cards", "best"),
    [
        ({"small": (0.3, None), "wide": (5.6, None)}, "wide"),
        ({"light": (5.6, 2.0), "base": (AT_LIMIT, -8.0), "large": (OVER, -15.0)}, "base"),
        ({"light": (5.6, 2.0), "slower_and_worse": (9.0, 3.0)}, "light"),
        ({"told": (1.0, 12.0), "dearer": (5.6, None)}, "told"),
        ({"told": (1.0, None), "unknown_cost": (None, -20.0)}, "told"),
    ],
)
def test_the_best_that_is_quick_enough(
    cards: dict[str, tuple[float | None, float | None]], best: str, tmp_path: Path
) -> None:
    assert default_model(folder_of(tmp_path, **cards)) == best


def test_none_is_quick_enough(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--model"):
        default_model(folder_of(tmp_path, large=(OVER, None)))


@pytest.mark.parametrize("data", [b"", b"VCM", b"VCM\x1a\x01" + bytes(4), b"VCM\x1a\x01\xff\xff\xff\xff", bytes(100)])
def test_a_file_without_a_card_is_named(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.vcm").write_bytes(data)
    with pytest.raises(CorruptError, match=r"a\.vcm: is no model file"):
        default_model(tmp_path)


def test_load_takes_the_default_and_models_at_hand_do_not_change_it(
    tiny_model_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped, own = tmp_path / "shipped", tmp_path / "own"
    for folder in (shipped, own):
        folder.mkdir()
    tiny = model_file.load(tiny_model_path)
    for place, name, rate in ((shipped, "one", 4.0), (shipped, "two", 3.0), (own, "three", -30.0)):
        card = {**tiny.card, "name": name, "bd_rate_percent": rate}
        (place / f"{name}.vcm").write_bytes(model_file.serialise(card, tiny.networks, tiny.arrays))
    monkeypatch.setattr(installed, "SHIPPED", shipped)
    monkeypatch.setenv(installed.FOLDER_VARIABLE, str(own))
    assert registry.load().name == "two"
    assert registry.load("three").name == "three"
