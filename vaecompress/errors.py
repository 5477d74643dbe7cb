"""Every error this package raises on purpose, as one tree, each leaf with its exit code.

    VaecompressError
    |-- UsageError            2   the call itself makes no sense
    |-- InputError            3   a source file cannot be read, or holds something we do not carry
    |-- CorruptError          4   a stream or model file is damaged: magic, CRC, truncation, trailing bytes
    |-- UnsupportedError      5   sound, but not decodable here: newer version, unknown model
    |-- LimitError            6   over a limit: pixels, side, frames, bytes
    |-- GoalError             7   a goal is out of reach (``--size`` too small)
    |-- OutputError           8   an output cannot be written
    |-- DivergedError         9   a training run's numbers are no longer finite
    `-- LostProcessError     10   another process of a training run has stopped

A message is one line that says which file or chunk, what is wrong and what to do.
"""


class VaecompressError(Exception):
    """Root of the tree. ``exit_code`` is what the command line leaves with."""

    exit_code = 1


class UsageError(VaecompressError):
    """The call makes no sense: conflicting options, a quality outside 1..100."""

    exit_code = 2


class InputError(VaecompressError):
    """A source cannot be read, or holds something that is not carried (CMYK, animation)."""

    exit_code = 3


class CorruptError(VaecompressError):
    """A stream or model file is damaged."""

    exit_code = 4


class UnsupportedError(VaecompressError):
    """A stream is sound but cannot be decoded here: newer version, unknown model, unknown critical chunk."""

    exit_code = 5


class LimitError(VaecompressError):
    """Over one of the limits of :class:`vaecompress.limits.Limits`."""

    exit_code = 6


class GoalError(VaecompressError):
    """A rate or quality goal is out of reach."""

    exit_code = 7


class OutputError(VaecompressError):
    """An output cannot be written: exists, no permission, disk full."""

    exit_code = 8


class DivergedError(VaecompressError):
    """A training run's loss or weights are not finite; the last good checkpoint is kept."""

    exit_code = 9


class LostProcessError(VaecompressError):
    """Another process of a training run has stopped."""

    exit_code = 10
