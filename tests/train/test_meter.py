"""Where a run's time goes."""

import pytest

pytest.importorskip("jax", reason="needs jax (the train extra)")

from vaecompress.train.meter import Meter, peak_tflops
from vaecompress.transforms.complexity import training_flop_per_pixel
from vaecompress.transforms.config import ModelConfig


def test_a_line_tells_pixels_waiting_and_utilisation() -> None:
    config = ModelConfig()
    meter = Meter(config, device_tflops=0.5, steps=30, pixels=6_000_000, seconds=10.0, waiting_s=1.5)
    assert meter.steps_per_s == 3.0
    used = 0.6e6 * training_flop_per_pixel(config) / 0.5e12
    assert meter.utilisation == pytest.approx(used)
    assert meter.text() == f"0.60 MP/s  data 15%  MFU {used:.1%}"
    assert Meter(config, steps=1, pixels=10, seconds=1.0).text() == "0.00 MP/s  data 0%"


def test_meters_add_up() -> None:
    whole = Meter(ModelConfig(), 2.0)
    part = whole.fresh()
    part.steps, part.pixels, part.seconds, part.waiting_s = 2, 300, 4.0, 1.0
    for _ in range(2):
        whole.add(part)
    assert whole == Meter(ModelConfig(), 2.0, steps=4, pixels=600, seconds=8.0, waiting_s=2.0)


def test_peaks_are_known_by_the_device_s_name() -> None:
    assert peak_tflops("NVIDIA H100 80GB HBM3") == 989.0
    assert peak_tflops("NVIDIA H100 PCIe") == 756.0
    assert peak_tflops("TPU v5 lite") == 197.0
    assert peak_tflops("cpu") is None
