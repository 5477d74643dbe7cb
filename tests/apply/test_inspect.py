"""What is said of a file's bits: they add up to the file, and are those of the symbols that an encoder wrote."""

import io
from fractions import Fraction

import numpy as np
import pytest
from photo import photo

import vaecompress
from vaecompress.apply.channels import linear_basis, steps_to_see, synthesis_basis, traversal
from vaecompress.apply.inspect import inspect_picture
from vaecompress.apply.trace import trace
from vaecompress.bitstream import Container
from vaecompress.codec.picture import PictureCodec
from vaecompress.encoder.effort import EFFORTS
from vaecompress.encoder.picture import PictureEncoder
from vaecompress.entropy.coder import ideal_bits, symbol_bits
from vaecompress.errors import InputError
from vaecompress.models import registry

QUALITY = 60
PHOTO = photo(190, 250)


@pytest.fixture(scope="module")
def model():
    return registry.load("tiny", threads=1)


@pytest.fixture(scope="module")
def stream():
    return vaecompress.encode(PHOTO, QUALITY, model="tiny", effort=1)


@pytest.fixture(scope="module")
def found(stream, model):
    with Container.open(stream) as container:
        return inspect_picture(container, model, PHOTO)


def test_bits_are_those_of_the_symbols(model):
    codec = PictureEncoder(model)
    coded = codec.search(PHOTO, QUALITY, EFFORTS[1])
    seen = trace(codec.latents, codec.latents.encode(coded), (3, 4), QUALITY)
    np.testing.assert_array_equal(seen.latents, coded.latents)
    costs = [ideal_bits(*group, model.tables) for group in coded.groups]
    assert seen.map.sum() == pytest.approx(sum(costs), rel=1e-6)
    assert sum(seen.step_bits) == pytest.approx(sum(costs[-2:]), rel=1e-6)
    assert sum(seen.step_bits) + seen.plane_bits + seen.hyper_bits.sum() == pytest.approx(sum(costs), rel=1e-6)
    for symbols, index in coded.groups:
        total = ideal_bits(symbols, index, model.tables)
        assert symbol_bits(symbols, index, model.tables).sum() == pytest.approx(total)


def test_bits_of_escapes_count_where_they_are(model):
    symbols, index = np.array([0, 5000, 0], np.int32), np.array([3, 3, 3], np.uint16)
    bits = symbol_bits(symbols, index, model.tables)
    assert bits[1] > 16 + bits[0] == 16 + bits[2]
    assert bits.sum() == pytest.approx(ideal_bits(symbols, index, model.tables))


def test_the_map_and_the_parts_add_up_to_the_file(found, stream):
    coded = found.trace.coded_bytes
    assert found.trace.map.sum() / 8 == pytest.approx(coded, rel=0.005)
    assert found.trace.channel_bits.sum() + found.trace.hyper_bits.sum() == pytest.approx(found.trace.map.sum())
    assert sum(part.size_bytes for part in found.parts) == pytest.approx(len(stream))
    np.testing.assert_array_equal(found.pixels, vaecompress.decode(stream).pixels)


def test_busy_patches_cost_more(model):
    pixels = np.full((128, 128, 3), 120, np.uint8)
    pixels[:, 64:] = np.random.default_rng(0).integers(0, 256, (128, 64, 1), np.uint8)
    with pytest.warns(UserWarning, match="below what quality"):
        data = vaecompress.encode(pixels, QUALITY, model="tiny", effort=1, tools="learned")
    with Container.open(data) as container:
        cost = inspect_picture(container, model).trace.map
    assert cost[:, 5:].min() > 5 * cost[:, :3].max()


def test_what_channels_draw(model, found):
    codec = PictureCodec(model)
    basis = linear_basis(codec, QUALITY)
    steps = steps_to_see(basis)
    assert [(one.colour, one.down, one.across) for one in found.channels[:3]] == [
        ("luma", 0, 0), ("luma", 0, 1), ("luma", 1, 0)
    ]  # fmt: skip
    assert {one.colour for one in found.channels[32:40]} == {"orange-blue"}
    chosen = [0, 5, 33]
    for channel, drawn in zip(chosen, synthesis_basis(codec, QUALITY, chosen, steps[chosen]), strict=True):
        wanted = basis[channel] * steps[channel]
        share = np.sum(drawn[16:32, 16:32] * wanted) / np.sum(wanted * wanted)
        assert 0.6 < share < 1.4


def test_a_walk_passes_through_what_was_coded(model, found):
    codec = PictureCodec(model)
    low, here, high = traversal(codec, found.trace.latents, QUALITY, 0, (0, 3), np.array([-8.0, 0.0, 8.0]))
    whole = codec.synthesise(found.trace.latents, PHOTO.shape, QUALITY)
    np.testing.assert_array_equal(here[:16, 32:48], whole[:16, 48:64])
    assert here.shape == (48, 80, 3)
    assert low[:16, 32:48].mean() < here[:16, 32:48].mean() < high[:16, 32:48].mean()


def test_scales_and_numbers(found):
    record = found.to_dict()
    assert sum(one["bits"] for one in record["channels"]) == pytest.approx(found.trace.channel_bits.sum(), rel=1e-3)
    assert np.shape(record["map_bits"]) == (12, 16)
    assert 0.7 < found.trace.scales.bits.sum() / found.trace.scales.expected_bits.sum() < 1.3
    assert record["psnr_db"] == pytest.approx(found.psnr_db)


def test_another_original_is_refused(stream, model):
    with Container.open(stream) as container, pytest.raises(InputError, match="the original is 20x10"):
        inspect_picture(container, model, photo(10, 20))


class TestVideo:
    """A pan, predicted."""

    @pytest.fixture(scope="class")
    def stream(self):
        pytest.importorskip("numba", reason="motion search needs numba, the extra video")
        from vaecompress.encoder.video import encode_video
        from vaecompress.limits import Limits
        from vaecompress.media.colour import Colour
        from vaecompress.media.video_source import VideoSource

        class Pan(VideoSource):
            def __init__(self):
                super().__init__("pan", 96, 64, Fraction(1, 25), 6, Colour(), False, Limits())

            def _frames(self):
                whole = photo(64, 130)
                for index in range(6):
                    yield np.ascontiguousarray(whole[:, 4 * index : 4 * index + 96]), index

        output = io.BytesIO()
        encode_video(Pan(), output, registry.load("video", threads=1), 40, effort=EFFORTS[1])
        return output.getvalue()

    @pytest.fixture(scope="class")
    def found(self, stream):
        from vaecompress.apply.inspect_video import inspect_video

        with Container.open(stream) as container:
            return inspect_video(container, registry.load("video", threads=1), drawn=4)

    def test_frames_add_up_and_have_layers(self, found, stream):
        with Container.open(stream) as container:
            assert [frame.size_bytes for frame in found.frames] == [entry.length for entry in container.frames]
        layers = {layer: len(frames) for layer, frames in found.layers().items()}
        assert layers == {0: 1, 1: 1, 2: 1, 3: 2, 4: 1}
        assert all(frame.motion_bytes for frame in found.frames[1:])

    def test_drawn_frames_are_those_that_decode(self, found, stream):
        from vaecompress.codec.video import decode_video

        with Container.open(stream) as container:
            frames = [frame.pixels for frame in decode_video(container, registry.load("video"))]
        assert len(found.drawn) == 4
        for one in found.drawn:
            np.testing.assert_array_equal(one.pixels, frames[one.bits.index])
        moved = [one for one in found.drawn if one.blocks is not None]
        assert any((one.blocks[:, :, 1:5] != 0).any() for one in moved)
        assert all(one.trace is None or one.trace.coded_bytes < one.bits.rest_bytes for one in moved)

    def test_the_report_shows_them(self, found):
        from vaecompress.apply.video_report import video_report

        text = video_report(found, "a <clip>")
        assert text.count("<h3>frame") == 4
        assert "a &lt;clip&gt;" in text
