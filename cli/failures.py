"""What went wrong, as one line for a person and an exit code for a program."""

import re

from vaecompress.errors import LimitError, OutputError, UsageError, VaecompressError

INTERRUPTED = 130
BUG = 1

_SURROGATE = re.compile("[\ud800-\udfff]")
_BREAKS_A_LINE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

_EXTRAS = {
    "train": ("jax", "flax", "optax", "onnx", "tensorflow", "tensorflow_probability", "matplotlib"),
    "eval": ("skimage",),
    "batch": ("dask", "distributed", "fsspec", "s3fs"),
}


def explain(error: BaseException) -> tuple[str, int]:
    """The line to print about ``error`` and the code to leave with."""
    if isinstance(error, VaecompressError):
        return one_line(error), error.exit_code
    if isinstance(error, KeyboardInterrupt):
        return "stopped", INTERRUPTED
    if isinstance(error, MemoryError):
        return "not enough memory: use a smaller picture, or fewer at a time (-j)", LimitError.exit_code
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"this needs the package {error.name}: {_install_command(error.name)}", UsageError.exit_code
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}cannot be written or read: {error.strerror or one_line(error)}", OutputError.exit_code
    return f"bug: {type(error).__name__}: {one_line(error)} (-v shows the trace; please report it)", BUG


def one_line(message: object) -> str:
    """``message`` with every run of white space, line ends included, as one blank."""
    return " ".join(str(message).split())


def printable(text: str) -> str:
    """``text`` on one line: control characters, and bytes of names that are not UTF-8, are written as escapes."""
    return _BREAKS_A_LINE.sub(_escape, text)


def valid_unicode(text: str) -> str:
    """``text`` as every reader of UTF-8 takes it: bytes of names that are not UTF-8 are written as escapes."""
    return _SURROGATE.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else match[0].encode("unicode_escape").decode()


def _install_command(module: str) -> str:
    package = module.partition(".")[0]
    extra = next((name for name, modules in _EXTRAS.items() if package in modules), None)
    return f"pip install 'vaecompress[{extra}]'" if extra else f"pip install {package}"
