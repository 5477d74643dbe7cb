"""Multiply-accumulates a pixel: what decoding costs, every graph counted, and what training does.

Decoding is printed for every preset by ``python -m vaecompress.transforms.complexity``.
"""

from vaecompress.format import HYPER_PATCH, PATCH
from vaecompress.transforms.config import ModelConfig


def decoder_kmac_per_pixel(config: ModelConfig) -> float:
    """Thousands of multiply-accumulates a pixel of hyper-synthesis, every context step and synthesis together."""
    entropy = _hyper_synthesis(config) + (config.context_steps - 1) * _context(config)
    return round((entropy + _synthesis(config)) / 1000, 2)


def training_flop_per_pixel(config: ModelConfig) -> float:
    """Floating-point operations a pixel of one training step: forward, twice that backward, two a product."""
    decoder = _hyper_synthesis(config) + (config.context_steps - 1) * _context(config) + _synthesis(config)
    return 3 * 2 * (_analysis(config) + _hyper_analysis(config) + decoder)


def _analysis(config: ModelConfig) -> float:
    w8, w16 = config.analysis_width8, config.analysis_width16
    at8 = 192 * w8 + config.analysis_blocks8 * _block(w8)
    at16 = 4 * w8 * w16 + config.analysis_blocks16 * _block(w16) + (PATCH * PATCH * 3 + w16) * config.latent_channels
    return at8 / 64 + at16 / PATCH**2


def _hyper_analysis(config: ModelConfig) -> float:
    width = config.entropy_width
    at32 = config.latent_channels * width + width * width
    return at32 / PATCH**2 + 4 * width * config.hyper_latent_channels / HYPER_PATCH**2


def _block(width: int) -> int:
    return 5 * width * width + 9 * width


def _hyper_synthesis(config: ModelConfig) -> float:
    width = config.entropy_width
    up = config.hyper_latent_channels * 4 * width / HYPER_PATCH**2 + 4 * width * width / (HYPER_PATCH // 2) ** 2
    at_latents = config.entropy_blocks * _block(width) + 2 * width * config.latent_channels
    return up + at_latents / PATCH**2


def _context(config: ModelConfig) -> float:
    width = config.entropy_width
    stem = (width + 2 * config.latent_channels) * width
    return (stem + config.entropy_blocks * _block(width) + 2 * width * config.latent_channels) / PATCH**2


def _synthesis(config: ModelConfig) -> float:
    w16, w8, w4 = config.synthesis_width16, config.synthesis_width8, config.synthesis_width4
    at16 = config.latent_channels * (PATCH * PATCH * 3 + w16) + config.synthesis_blocks16 * _block(w16) + 4 * w16 * w8
    at8 = config.synthesis_blocks8 * _block(w8) + 4 * w8 * w4
    at4 = config.synthesis_blocks4 * _block(w4) + 48 * w4
    return at16 / 256 + at8 / 64 + at4 / 16
