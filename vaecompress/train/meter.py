"""Where a run's time goes: steps and pixels a second, waiting for data, and the share of what the devices can do."""

from dataclasses import dataclass

import jax

from vaecompress.transforms.complexity import training_flop_per_pixel
from vaecompress.transforms.config import AnyConfig

PEAK_TFLOPS = {
    "H200": 989.0,
    "H100 PCIe": 756.0,
    "H100": 989.0,
    "A100": 312.0,
    "L40S": 362.0,
    "L4": 121.0,
    "TPU v4": 275.0,
    "TPU v5 lite": 197.0,
    "TPU v5": 459.0,
    "TPU v6 lite": 918.0,
}
"""Dense bfloat16 peaks from data sheets, by part of jax's name of the device; the first that fits counts."""


def peak_tflops(device_kind: str) -> float | None:
    """Teraflops a second of one device in dense bfloat16, or ``None`` where we do not know it."""
    return next((peak for name, peak in PEAK_TFLOPS.items() if name in device_kind), None)


@dataclass
class Meter:
    """Counts steps, pixels and seconds. ``device_tflops`` is one device's peak."""

    config: AnyConfig
    device_tflops: float | None = None
    steps: int = 0
    pixels: int = 0
    seconds: float = 0.0
    waiting_s: float = 0.0

    def add(self, other: "Meter") -> None:
        """Count what ``other`` counted."""
        self.steps += other.steps
        self.pixels += other.pixels
        self.seconds += other.seconds
        self.waiting_s += other.waiting_s

    def fresh(self) -> "Meter":
        """A meter of the same devices at zero."""
        return Meter(self.config, self.device_tflops)

    @property
    def steps_per_s(self) -> float:
        """Steps a second."""
        return self.steps / self.seconds

    @property
    def utilisation(self) -> float | None:
        """Model FLOP utilisation: the share of the devices' peak that goes into the model's own multiplications."""
        peak = self.device_tflops or peak_tflops(jax.devices()[0].device_kind)
        if peak is None:
            return None
        flop = self.pixels * training_flop_per_pixel(self.config)
        return flop / self.seconds / (peak * 1e12 * jax.device_count())

    def text(self) -> str:
        """One line's worth: megapixels a second, share of time without data, and utilisation where it is known."""
        words = f"{self.pixels / self.seconds / 1e6:.2f} MP/s  data {self.waiting_s / self.seconds:.0%}"
        used = self.utilisation
        return words if used is None else f"{words}  MFU {used:.1%}"
