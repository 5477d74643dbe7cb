"""Loops over blocks: compiled by numba where that is installed (the extra ``video``), plain Python elsewhere.

There is one source of each. What a decoder needs is quick enough as plain Python, what only an encoder needs is not.
"""

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, TypeVar

import numpy as np

Function = TypeVar("Function", bound=Callable[..., object])

COMPILES = find_spec("numba") is not None
"""Whether :func:`compiled` compiles."""

ZERO: Any = np.int64(0)
"""Where a loop's variable starts: what a literal 0 is handed to numba compiles twice, for 0 and for any number."""


def compiled(function: Function) -> Function:
    """``function``, compiled when it is called first, and kept in a cache on disk; itself where numba is missing."""
    if not COMPILES:
        return function
    from numba import njit

    fast: Function = njit(cache=True, nogil=True, error_model="numpy")(function)
    return fast
