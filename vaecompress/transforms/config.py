"""The shape of a model, as plain numbers."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from vaecompress.errors import UsageError

STEM_SPLITS = 2
"""Groups of inputs of the synthesis network's first layer."""


@dataclass(frozen=True)
class ModelConfig:
    """Widths and depths of every network. ``*8`` means: at 1/8 of the picture's resolution, and so on.

    ``luma`` and ``chroma`` count the DCT coefficients the linear path keeps: luma of the first colour component,
    chroma[0] and chroma[1] of the others; their sum is the number of latent channels. ``*_splits`` are the groups of
    inputs in which the widest layers work, ``coefficient_bits`` the range of what the linear path reads: both decide
    how finely weights are rounded. Raises UsageError where the inputs cannot be split so.
    """

    luma: int = 224
    chroma: tuple[int, int] = (52, 36)
    analysis_width8: int = 112
    analysis_blocks8: int = 2
    analysis_width16: int = 256
    analysis_blocks16: int = 2
    synthesis_width16: int = 160
    synthesis_blocks16: int = 1
    synthesis_width8: int = 96
    synthesis_blocks8: int = 2
    synthesis_width4: int = 40
    synthesis_blocks4: int = 1
    hyper_latent_channels: int = 64
    entropy_width: int = 128
    entropy_blocks: int = 1
    context_steps: int = 2
    quality_anchors: int = 7
    prior_sets: int = 4
    linear_splits: int = 4
    context_splits: int = 1
    coefficient_bits: int = 13

    def __post_init__(self) -> None:
        latents, seen = self.latent_channels, self.entropy_width + 2 * self.latent_channels
        for channels, groups in ((latents, STEM_SPLITS), (latents, self.linear_splits), (seen, self.context_splits)):
            if channels % groups:
                raise UsageError(f"{channels} channels cannot be split into {groups} groups")

    @property
    def latent_channels(self) -> int:
        """Channels of y."""
        return self.luma + sum(self.chroma)

    @property
    def plane_channels(self) -> list[int]:
        """The latent channel of lowest frequency of each colour component."""
        counts = (self.luma, *self.chroma)
        return [sum(counts[:component]) for component, count in enumerate(counts) if count]

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready form."""
        return asdict(self)

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> "ModelConfig":
        """The inverse of :meth:`to_dict`."""
        return cls(**{**fields, "chroma": tuple(fields["chroma"])})


@dataclass(frozen=True)
class VideoConfig:
    """The networks of predicted frames: those of stills, told of the prediction by a network of their own."""

    latents: ModelConfig = field(default_factory=ModelConfig)
    condition_width8: int = 96
    condition_blocks8: int = 1
    condition_width16: int = 160
    condition_blocks16: int = 1

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready form."""
        return asdict(self)

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> "VideoConfig":
        """The inverse of :meth:`to_dict`."""
        return cls(**{**fields, "latents": ModelConfig.from_dict(fields["latents"])})


AnyConfig = ModelConfig | VideoConfig


def config_from_dict(fields: Mapping[str, Any]) -> AnyConfig:
    """The shape that ``to_dict`` wrote, of whichever kind."""
    return (VideoConfig if "latents" in fields else ModelConfig).from_dict(fields)
