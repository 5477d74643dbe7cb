"""One grid for all sums of a stage."""

import numpy as np

from vaecompress.transforms.layers import one_grid_a_stage


def block(mix_out: list[float], project: list[float]) -> dict[str, object]:
    return {
        "mix_out_exponent": np.array(mix_out),
        "project_exponent": np.array(project),
        "depthwise": {"exponent": np.array([9.0, 9.0])},
    }


def test_the_coarsest_grid_of_each_channel_holds_in_the_whole_stage() -> None:
    ranges = {
        "up8": {"exponent": np.array([8.0, 5.0])},
        "stem": {"exponent": np.array([1.0, 1.0])},
        "stage8": {"block0": block([7.0, 6.0], [9.0, 6.0]), "block1": block([8.0, 6.0], [8.0, 7.0])},
        "stage4": {"block0": block([3.0, 4.0], [4.0, 3.0])},
        "inner": {"stage16": {"block0": block([2.0, 1.0], [1.0, 2.0])}},
    }
    found = one_grid_a_stage(ranges)
    sums = [
        found["stage8"][name][each]
        for name in ("block0", "block1")
        for each in ("mix_out_exponent", "project_exponent")
    ]
    for grid in (*sums, found["up8"]["exponent"]):
        np.testing.assert_array_equal(grid, [7, 5])
    np.testing.assert_array_equal(found["stage4"]["block0"]["project_exponent"], [3, 3])
    np.testing.assert_array_equal(found["inner"]["stage16"]["block0"]["mix_out_exponent"], [1, 1])
    np.testing.assert_array_equal(found["stem"]["exponent"], [1, 1])
    np.testing.assert_array_equal(found["stage8"]["block0"]["depthwise"]["exponent"], [9, 9])
    np.testing.assert_array_equal(ranges["up8"]["exponent"], [8, 5])
