"""Coded crops: written, read, kept whole, left out by the picture they are of; and what a decoder makes of them."""

import io
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from photo import photo
from pictures import encoded, write_folder
from PIL import Image

from vaecompress.errors import InputError, UsageError
from vaecompress.models import registry
from vaecompress.train.data import coded
from vaecompress.train.data.coded import CODED, SUFFIX, CodedCrop, unpacked
from vaecompress.train.data.made import name_of, origin_of
from vaecompress.train.data.make_coded import CROPS, CodedMaker, pack_coded
from vaecompress.train.data.resident import Resident
from vaecompress.train.data.sources import PICTURES, DataOptions, validation_images

SIDE = 64


@pytest.fixture(scope="module", autouse=True)
def small_crops() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(coded, "SIDE", SIDE)
        yield


@pytest.fixture(scope="module")
def maker() -> CodedMaker:
    return CodedMaker(registry.load("tiny", threads=1))


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What comes of two pictures, one too small and one that is damaged."""
    picture = encoded(photo(90, 100))
    files = {"a.png": picture, "b.c.png": encoded(photo(80, 70)), "small.png": encoded(photo(63, 90))}
    folder = write_folder(tmp_path_factory.mktemp("pictures"), files | {"bad.png": picture[:900]})
    steps: list[tuple[int, int]] = []
    output = tmp_path_factory.mktemp("coded")
    manifest = pack_coded([folder], output, registry.load("tiny"), progress=lambda *step: steps.append(step))
    assert manifest["skipped"] == {"corrupt": 1, "too small": 1}
    assert steps[-1] == (4, 4)
    return output


@pytest.mark.parametrize(("latents", "hyper_latents"), [(5, 3), (48, 16), (312, 64), (381, 65)])
def test_a_file_holds_all_of_a_coded_crop(latents: int, hyper_latents: int) -> None:
    random = np.random.default_rng(latents)
    symbols = random.integers(-(1 << 15), 1 << 15, (latents, 8, 12)).astype(np.int16)
    z = random.integers(-127, 128, (hyper_latents, 2, 3)).astype(np.int8)
    pixels = random.integers(0, 256, (128, 192, 3), np.uint8)
    crop = CodedCrop(pixels, symbols, z, 71)
    stacked = np.asarray(Image.open(io.BytesIO(crop.to_bytes())))
    batch = np.concatenate(np.split(stacked, 2), axis=2)[None]
    assert np.array_equal(batch[0], crop.in_memory())
    assert np.array_equal(batch[0, ..., :3], pixels)
    found = unpacked(batch.astype(np.float32), latents, hyper_latents)
    assert np.array_equal(found[0][0].transpose(2, 0, 1), symbols)
    assert np.array_equal(found[1][0].transpose(2, 0, 1), z)
    assert found[2].tolist() == [71]


def test_what_has_no_room_is_refused() -> None:
    crop = CodedCrop(np.zeros((64, 64, 3), np.uint8), np.zeros((384, 4, 4), np.int16), np.zeros((1, 1, 1), np.int8), 1)
    with pytest.raises(UsageError, match="384 latents a patch do not fit"):
        crop.to_bytes()


def test_a_decoder_makes_of_it_what_the_codec_does(maker: CodedMaker, tiny_variables: tuple[Any, Any]) -> None:
    """Latents to the bit, and pixels to the bit: the exact phase is the codec."""
    pytest.importorskip("flax", reason="needs the train extra")
    from vaecompress.train.model import apply, model_of, own_positions
    from vaecompress.transforms.likelihoods import bits

    pixels, quality = np.ascontiguousarray(photo(SIDE, SIDE)), 60
    model, (still, variables) = maker._codec, tiny_variables
    batch = maker.code(pixels, quality).in_memory()[None].astype(np.float32)
    decoder = model_of(still.config, coded=True)
    forward: Any = apply(decoder, variables, batch, own_positions(decoder, batch), True)
    found = model.search(pixels, quality)
    assert np.array_equal(np.asarray(forward.y_hat)[0].transpose(2, 0, 1) * 16, found.latents[0])
    levels = np.clip(np.rint((np.asarray(forward.x_hat)[0] + 0.5) * 256), 0, 255)
    assert np.array_equal(levels, model.synthesise(found.latents, pixels.shape, quality))
    planes = still.config.plane_channels
    by_channel = np.asarray(bits(forward.y_likelihood)).sum((0, 1, 2))
    assert not by_channel[planes].any()
    assert by_channel.sum() > 100
    assert not np.asarray(bits(forward.z_likelihood)).any()


def test_crops_are_taken_whole_and_as_they_are(shards: Path) -> None:
    resident = Resident.load([shards], rescale=False, kind=CODED)
    assert resident.picture_count == 2 * CROPS
    files = {resident.picture(index).tobytes() for index in range(2 * CROPS)}
    batch = resident.batch(0, 24, SIDE)
    assert batch.shape == (24, SIDE, SIDE, 6)
    assert {crop.tobytes() for crop in batch} == files
    qualities = unpacked(batch.astype(np.float32), 48, 16)[2]
    assert len(set(qualities)) > 4
    assert 1 <= min(qualities) < max(qualities) <= 100


def test_so_do_the_pipeline_and_the_device(shards: Path) -> None:
    pytest.importorskip("tensorflow", reason="needs tensorflow (the train extra)")
    from vaecompress.train.data.device_crops import DeviceResident
    from vaecompress.train.data.stream import Pipeline

    resident = Resident.load([shards], rescale=False, kind=CODED)
    files = {resident.picture(index).tobytes() for index in range(2 * CROPS)}
    pipeline = Pipeline([shards], DataOptions(rescale=False), CODED)
    batches = [np.asarray(pipeline.batch(step, 8, SIDE)) for step in range(2)]
    assert not np.array_equal(*batches)
    for batch in (*batches, np.asarray(DeviceResident(resident).batch(0, 8, SIDE))):
        assert {crop.tobytes() for crop in batch} <= files


def test_the_same_picture_gives_the_same_crops(shards: Path, tmp_path: Path, maker: CodedMaker) -> None:
    folder = write_folder(tmp_path, {"a.png": encoded(photo(90, 100))})
    (entry,) = CODED.entries([shards], frozenset(), Counter())[:1]
    (again,) = PICTURES.entries([folder], frozenset(), Counter())
    crops = maker.of(again)
    assert crops is not None
    assert crops[0].to_bytes() == entry.read()


def test_lists_of_names_speak_of_pictures(shards: Path) -> None:
    assert origin_of(name_of("b.c.png", 3, SUFFIX)) == "b.c.png"
    skipped: Counter[str] = Counter()
    kept = CODED.entries([shards], frozenset({"a.png"}), skipped)
    assert {origin_of(entry.name) for entry in kept} == {"b.c.png"}
    assert skipped == {"excluded": CROPS}
    assert len(validation_images([shards], ["a.png"], CODED)) == CROPS


def test_files_that_are_no_coded_crops_are_counted(shards: Path, tmp_path: Path) -> None:
    whole = CODED.entries([shards], frozenset(), Counter())[0].read()
    other = encoded(photo(SIDE, SIDE))
    files = {"a.000.coded": whole, "b.000.coded": whole[:-300], "c.000.coded": other, "d.000.coded": b""}
    resident = Resident.load([write_folder(tmp_path, files)], rescale=False, kind=CODED)
    assert (resident.picture_count, resident.skipped) == (1, {"corrupt": 3})
    with pytest.raises(InputError, match="no usable training coded crop"):
        Resident.load([write_folder(tmp_path / "in", {"a.png": other})], kind=CODED)
