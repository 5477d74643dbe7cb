"""The smallest model that has every part, for tests that train."""

from vaecompress.transforms.config import ModelConfig

SMALL = ModelConfig(
    luma=6,
    chroma=(1, 1),
    analysis_width8=8,
    analysis_blocks8=0,
    analysis_width16=8,
    analysis_blocks16=0,
    synthesis_width16=8,
    synthesis_blocks16=0,
    synthesis_width8=8,
    synthesis_blocks8=1,
    synthesis_width4=8,
    synthesis_blocks4=0,
    hyper_latent_channels=8,
    entropy_width=8,
    entropy_blocks=0,
    quality_anchors=2,
    prior_sets=2,
    linear_splits=1,
)
