"""FORMAT.md is enough for videos too: a decoder written from it alone gives the pixels of the codec."""

import io
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pytest

pytest.importorskip("flax", reason="needs the train extra")
pytest.importorskip("numba", reason="motion search needs numba, the extra video")

from photo import photo
from plain_video_decoder import PlainVideo

from vaecompress.bitstream import Container, PredictedPayload, chunks
from vaecompress.codec.picture import Pixels
from vaecompress.codec.predicted import Prediction
from vaecompress.codec.video import decode_video
from vaecompress.encoder import predicted_video
from vaecompress.encoder.distortion import VideoError
from vaecompress.encoder.effort import EFFORTS, Effort
from vaecompress.encoder.latent_search import Search
from vaecompress.encoder.predicted import CodedFrame, PredictedSubject, encode_predicted
from vaecompress.encoder.video import encode_video
from vaecompress.limits import Limits
from vaecompress.media.colour import Colour
from vaecompress.media.video_source import VideoSource
from vaecompress.models import file as model_files
from vaecompress.models.file import ModelFile
from vaecompress.models.loaded import LoadedModel

HEIGHT, WIDTH, FRAMES = 75, 101, 6


class Clip(VideoSource):
    """A pan over a photograph with a part that moves by itself, and noise that no prediction knows."""

    def __init__(self) -> None:
        super().__init__("clip", WIDTH, HEIGHT, Fraction(1, 25), FRAMES, Colour(), False, Limits())
        self._photo = photo(HEIGHT + 30, WIDTH + 60)

    def _frames(self) -> Iterator[tuple[Pixels, int]]:
        rng = np.random.default_rng(1)
        for index in range(FRAMES):
            frame = self._photo[index : index + HEIGHT, 3 * index : 3 * index + WIDTH].astype(np.int16)
            frame[20:50, 70 - 5 * index : 95 - 5 * index] = self._photo[:30, :25]
            frame[55:, 60:] += rng.integers(-90, 91, (HEIGHT - 55, WIDTH - 60, 3), dtype=np.int16)
            yield np.clip(frame, 0, 255).astype(np.uint8), index


def always_coded(
    model: LoadedModel, pixels: Pixels, prediction: Prediction, quality: int, effort: Effort
) -> CodedFrame:
    """Latents for every second frame, though those of random networks cost more than they bring."""
    if pixels.sum() % 2:
        return encode_predicted(model, pixels, prediction, quality, effort)
    subject = PredictedSubject(model, prediction, quality)
    latents = Search(subject, pixels, quality, VideoError()).run(effort)
    return CodedFrame(subject.latents.encode(latents), subject.decoded(latents.latents, *pixels.shape[:2]), 0.0)


def test_videos(video_file: ModelFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predicted_video, "encode_predicted", always_coded)
    output = io.BytesIO()
    encode_video(Clip(), output, LoadedModel(video_file, threads=1), 70, effort=EFFORTS[1], group=4)
    stream = output.getvalue()
    plain = PlainVideo(stream, model_files.serialise(video_file.card, video_file.networks, video_file.arrays))
    with Container.open(stream) as container:
        for frame in decode_video(container, LoadedModel(video_file, threads=1)):
            np.testing.assert_array_equal(plain.frame(frame.index).pixels, frame.pixels)
        bodies = [container.read(entry) for entry in container.frames if entry.type == chunks.PREDICTED_FRAME]
    predicted = [PredictedPayload.from_body(body) for body in bodies]
    assert {bool(payload.coded) for payload in predicted} == {True, False}
    assert {bool(payload.future) for payload in predicted} == {True, False}
