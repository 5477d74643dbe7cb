"""A product of matrices under the networks' runtime is numpy's."""

import numpy as np
import pytest

from vaecompress.networks.matrix_product import matrix_product


@pytest.mark.parametrize("threads", [None, 1, 2])
@pytest.mark.parametrize(("m", "k", "n"), [(1, 1, 1), (24, 768, 5), (200, 768, 96)])
def test_it_is_that_of_numpy(threads: int | None, m: int, k: int, n: int) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(m, k)).astype(np.float32), rng.normal(size=(k, n)).astype(np.float32)
    found = matrix_product(threads)(a.T.copy().T, b)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, a.astype(np.float64) @ b, rtol=0, atol=1e-3)
