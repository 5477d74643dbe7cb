"""Multiply-accumulates a pixel: what decoding costs, every graph counted.

Printed for every preset by ``python -m vaecompress.train.complexity``.
"""

from vaecompress.train.presets import PRESETS
from vaecompress.transforms.config import HYPER_PATCH, PATCH, ModelConfig


def decoder_kmac_per_pixel(config: ModelConfig) -> float:
    """Thousands of multiply-accumulates a pixel of hyper-synthesis, every context step and synthesis together."""
    entropy = _hyper_synthesis(config) + (config.context_steps - 1) * _context(config)
    return round((entropy + _synthesis(config)) / 1000, 2)


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


if __name__ == "__main__":
    for name, preset in PRESETS.items():
        print(f"{name:6} {decoder_kmac_per_pixel(preset.model):7.2f} kMAC/px to decode")
