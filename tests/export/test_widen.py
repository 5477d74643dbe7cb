"""A larger model starts out computing what the smaller one does."""

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

pytest.importorskip("flax", reason="needs the train extra")

import jax
import jax.numpy as jnp
from small_model import SMALL

from vaecompress.errors import UsageError
from vaecompress.export.widen import start, widen
from vaecompress.transforms.config import ModelConfig, VideoConfig
from vaecompress.transforms.linear import dct_matrix
from vaecompress.transforms.synthesis import from_levels
from vaecompress.transforms.vae import HyperpriorVAE, init_variables
from vaecompress.transforms.video_vae import PredictedVAE

OLD = replace(
    SMALL,
    analysis_width16=12,
    analysis_blocks16=1,
    synthesis_width16=12,
    synthesis_blocks16=1,
    synthesis_width8=10,
    synthesis_blocks8=0,
)
DEEPER = replace(
    OLD, analysis_blocks8=1, analysis_blocks16=2, synthesis_blocks8=2, synthesis_blocks4=1, entropy_blocks=1
)
BROADER = replace(
    OLD,
    analysis_width8=12,
    analysis_width16=20,
    synthesis_width16=16,
    synthesis_width8=15,
    synthesis_width4=12,
    entropy_width=16,
)
WIDER = replace(OLD, luma=8, chroma=(3, 1))
KEPT = [0, 1, 2, 3, 4, 5, 8, 11]
"""Where OLD's latents lie among WIDER's."""

NEW = [6, 7, 9, 10]
NEIGHBOURS = [5, 5, 6, 6]
"""WIDER's other latents, and which of OLD's each is nearest to in frequency."""

POSITION = np.array([0.2, 0.8], np.float32)


@pytest.fixture(scope="module")
def levels() -> npt.NDArray[np.float32]:
    rows, columns, channel = np.ogrid[:64, :128, :3]
    waves = 128 + 60 * np.sin(rows / 5 + columns / 7 + channel) + 40 * np.cos(columns / 3 - channel)
    return np.stack([waves, waves[::-1]]).astype(np.float32)


@pytest.fixture(scope="module")
def trained() -> dict[str, Any]:
    """Parameters of OLD, moved away from where they start."""
    random = np.random.default_rng(3)

    def moved(leaf: Any) -> npt.NDArray[np.float32]:
        return np.asarray(leaf + 0.1 * random.normal(size=leaf.shape), np.float32)

    return dict(jax.tree_util.tree_map(moved, init_variables(HyperpriorVAE(OLD), 0)["params"]))


def forward(config: ModelConfig, params: Any, levels: npt.NDArray[np.float32]) -> Any:
    model = HyperpriorVAE(config)
    return jax.jit(lambda tree: model.apply({"params": tree}, levels, POSITION, mutable=["ranges"])[0])(params)


def coded(model: HyperpriorVAE, levels: Any) -> tuple[Any, Any, Any]:
    """Latents, hyper-latents and the features of the hyper-synthesis."""
    gains = model.gains(POSITION)
    y = model.analyse(from_levels(levels), gains)
    z = model.hyper_analyse(y)
    return y, z, model.hyper_synthesise(jnp.round(z), gains, False)[0].value


@pytest.mark.parametrize("larger", [DEEPER, BROADER], ids=["deeper", "broader"])
def test_more_blocks_or_features_leave_every_output_as_it_is(
    larger: ModelConfig, trained: dict[str, Any], levels: npt.NDArray[np.float32]
) -> None:
    before, after = forward(OLD, trained, levels), forward(larger, widen(trained, OLD, larger), levels)
    for small, large in zip(before, after, strict=True):
        np.testing.assert_allclose(large, small, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("larger", [WIDER, replace(BROADER, luma=8, chroma=(3, 1))], ids=["wider", "and broader"])
def test_more_latents_leave_the_old_ones_as_they_are(
    larger: ModelConfig, trained: dict[str, Any], levels: npt.NDArray[np.float32]
) -> None:
    def run(config: ModelConfig, params: Any) -> Any:
        apply = HyperpriorVAE(config).apply
        return jax.jit(lambda tree: apply({"params": tree}, levels, method=coded, mutable=["ranges"])[0])(params)

    (y, z, features), (more_y, same_z, more_features) = run(OLD, trained), run(larger, widen(trained, OLD, larger))
    assert more_y.shape[-1] == larger.latent_channels
    np.testing.assert_allclose(more_y[..., KEPT], y, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(same_z, z, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(more_features[..., : OLD.entropy_width], features, rtol=1e-5, atol=1e-5)


def test_new_features_are_alive(trained: dict[str, Any]) -> None:
    """They differ from each other from the start, and a gradient reaches them through whom they are first read by."""
    up = widen(trained, OLD, BROADER)["synthesis"]["up8"]["dense"]["kernel"]
    new = up.reshape(BROADER.synthesis_width16, 4, BROADER.synthesis_width8)[..., OLD.synthesis_width8 :]
    assert np.linalg.matrix_rank(new.reshape(len(new), -1)) == min(len(new), new[0].size)


def test_new_latents_are_the_next_frequencies_on_the_scale_of_their_neighbours(trained: dict[str, Any]) -> None:
    grown = widen(trained, OLD, WIDER)
    basis = dct_matrix(WIDER)
    np.testing.assert_array_equal(grown["analysis"]["linear"]["kernel"][:, NEW], basis[:, NEW])
    np.testing.assert_array_equal(grown["synthesis"]["linear"]["kernel"][NEW], basis.T[NEW])
    scale = grown["hyper_synthesis"]["moments"]["scale"]
    for leaf, before in ((scale[name], trained["hyper_synthesis"]["moments"]["scale"][name]) for name in scale):
        np.testing.assert_array_equal(leaf[..., KEPT], before)
        np.testing.assert_array_equal(leaf[..., NEW], before[..., NEIGHBOURS])


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"hyper_latent_channels": 16}, "hyper_latent_channels 8"),
        ({"luma": 4}, "luma 6"),
        ({"entropy_blocks": -1}, "entropy_blocks 0"),
    ],
)
def test_a_shape_that_cannot_grow_is_refused(change: dict[str, Any], named: str, trained: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=named):
        widen(trained, OLD, replace(OLD, **change))


FLAT = np.full((2, 64, 128, 3), 128, np.float32)
"""A prediction that says nothing."""


@pytest.mark.parametrize("more", [{}, {"luma": 8, "chroma": (3, 1), "analysis_blocks8": 1}])
def test_a_model_of_predicted_frames_starts_as_one_of_stills(
    more: dict[str, Any], trained: dict[str, Any], levels: npt.NDArray[np.float32]
) -> None:
    """What a prediction without any content missed is coded as the picture is."""
    still = replace(OLD, **more)
    params = trained if not more else widen(trained, OLD, still)
    config = VideoConfig(OLD, condition_width8=8, condition_width16=12)
    found = start(params, still, config)
    one_sided = np.array([False, True])

    def run(tree: Any) -> Any:
        inputs = (levels, FLAT, FLAT, one_sided, POSITION)
        return PredictedVAE(config).apply({"params": tree}, *inputs, mutable=["ranges"])[0]

    predicted = jax.jit(run)(found)
    apply = HyperpriorVAE(OLD).apply
    picture = jax.jit(lambda tree: apply({"params": tree}, levels, POSITION, mutable=["ranges"])[0])(trained)
    np.testing.assert_allclose(predicted.x_hat, picture.x_hat, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(predicted.log2_scale, picture.log2_scale, rtol=1e-4, atol=1e-4)
    kernel = found["conditioning"]["stem"]["kernel"]
    assert np.ptp(kernel) > 0


def test_predicted_frames_start_from_what_fits_only(trained: dict[str, Any]) -> None:
    video = VideoConfig(OLD)
    with pytest.raises(UsageError, match="entropy_width 8 cannot start a model with 16"):
        start(trained, OLD, VideoConfig(replace(OLD, entropy_width=16)))
    with pytest.raises(UsageError, match="luma 6 cannot start a model with 8"):
        start(trained, OLD, VideoConfig(WIDER))
    with pytest.raises(UsageError, match="of their own shape"):
        start(trained, video, OLD)
