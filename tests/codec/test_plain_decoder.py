"""FORMAT.md holds all there is to know: a decoder written from it alone gives the pixels of the codec."""

import re
from importlib.resources import files
from pathlib import Path

import numpy as np
import numpy.typing as npt
import plain_decoder
import pytest

from vaecompress.bitstream import Container
from vaecompress.codec import latents
from vaecompress.encoder.goal import Goal
from vaecompress.encoder.still import ImageEncoder
from vaecompress.media.image import Image
from vaecompress.models import file as model_file
from vaecompress.models.loaded import LoadedModel
from vaecompress.networks import onnx_graph


@pytest.fixture(scope="module")
def model_bytes(tiny_model_path: Path) -> bytes:
    return tiny_model_path.read_bytes()


def picture(height: int, width: int, channels: int) -> npt.NDArray[np.uint8]:
    """Something smooth with an edge and some noise, so that every kind of symbol occurs."""
    rows, columns, channel = np.ogrid[:height, :width, :channels]
    smooth = 100 + 90 * np.sin((rows + 2 * columns) / (9 + channel)) + 40 * (rows > columns)
    noise = np.random.default_rng(0).normal(0, 10, (height, width, channels))
    pixels: npt.NDArray[np.uint8] = np.clip(smooth + noise, 0, 255).astype(np.uint8)
    return pixels


def assert_same_pixels(model_bytes: bytes, pixels: npt.NDArray[np.uint8], quality: int, **options: int) -> None:
    codec = ImageEncoder(LoadedModel(model_file.parse(model_bytes), threads=1))
    stream = codec.encode(Image(pixels), Goal(quality=quality)).data
    decoded = codec.decode(Container.open(stream)).pixels
    np.testing.assert_array_equal(plain_decoder.decode(stream, model_bytes, **options), decoded)


@pytest.mark.parametrize(
    ("height", "width", "channels", "quality"),
    [(50, 70, 3, 60), (64, 64, 3, 100), (1, 1, 3, 34), (33, 130, 1, 1), (65, 17, 1, 99)],
)
def test_pictures(model_bytes: bytes, height: int, width: int, channels: int, quality: int) -> None:
    assert_same_pixels(model_bytes, picture(height, width, channels), quality)


@pytest.mark.parametrize("band_latents", [1, 1000])
def test_bands(model_bytes: bytes, band_latents: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latents, "BAND_LATENTS", band_latents)
    assert_same_pixels(model_bytes, picture(70, 70, 3), 50, band_latents=band_latents)


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_context_steps(model_bytes: bytes, steps: int) -> None:
    """Whatever the model's own number of steps: it decodes, well or not, with its one context network in each."""
    model = model_file.parse(model_bytes)
    context = {f"context{step}": model.networks["context1"] for step in range(1, steps)}
    others = {name: network for name, network in model.networks.items() if not name.startswith("context")}
    card = {**model.card, "codec": {**model.card["codec"], "context_steps": steps}}
    changed = model_file.serialise(card, {**others, **context}, model.arrays)
    assert_same_pixels(changed, picture(66, 40, 3), 70)


@pytest.mark.parametrize("tool", ["webp-lossless", "av1-planes"])
def test_other_tools_are_said_to_be_missing(tool: str, model_bytes: bytes) -> None:
    stream = (Path(__file__).parents[1] / "golden" / "0.1.0" / f"{tool}_rgb.bin").read_bytes()
    with pytest.raises(NotImplementedError, match="has only the tool learned"):
        plain_decoder.decode(stream, model_bytes)


def test_the_operators_of_the_format_are_those_of_the_code() -> None:
    text = files("vaecompress.bitstream").joinpath("FORMAT.md").read_text(encoding="utf-8")
    listed = text[text.index("The operators, as ONNX defines them:") : text.index("Nothing else: no control flow")]
    names = {name for quoted in re.findall(r"`([^`]*)`", listed) for name in quoted.split()}
    assert names == onnx_graph.OPERATORS
    assert (onnx_graph.OPSETS.start, onnx_graph.OPSETS.stop - 1) == (13, 22)
    assert "operator set from 13 to 22" in text
