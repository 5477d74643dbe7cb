"""What the peers that run through PyAV share."""

import contextlib
import os
from collections.abc import Iterator
from importlib.metadata import version as package_version
from importlib.util import find_spec


def missing_encoder(name: str) -> str | None:
    """The command that installs the libav encoder ``name``, or None where it is there; PyAV's wheels carry ours."""
    if find_spec("av") is not None:
        import av

        if name in av.codecs_available:
            return None
    return "pip install av"


def version() -> str:
    """PyAV's version and that of libavcodec in it."""
    from av import library_versions

    return f"PyAV {package_version('av')}, libavcodec {'.'.join(map(str, library_versions['libavcodec']))}"


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Nothing from libav or x265 on stderr."""
    import av

    level = av.logging.get_level()
    av.logging.set_level(av.logging.PANIC)
    try:
        yield
    finally:
        av.logging.set_level(level)


@contextlib.contextmanager
def same_priority() -> Iterator[None]:
    """This thread is scheduled afterwards as before: SVT-AV1 leaves it in real time where it may."""
    if not hasattr(os, "sched_getscheduler"):
        yield
        return
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        os.sched_setscheduler(0, policy, parameters)
