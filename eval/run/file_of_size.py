"""Which setting of a codec gives a file of a wanted size."""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from ..measure.results import Result
from ..peers.base import Peer, Pixels

SEARCH_STEPS = 8


def known_sizes(results: Iterable[Result], codec: str, picture: str) -> dict[float, int]:
    """Bytes of a picture's files by setting, as far as they were measured."""
    return {one.setting: one.file_bytes for one in results if (one.codec, one.picture) == (codec, picture)}


def file_of_size(
    peer: Peer, pixels: Pixels, target_bytes: float, known: Mapping[float, int] = MappingProxyType({})
) -> tuple[float, bytes]:
    """The setting whose file is nearest to ``target_bytes``, and that file, by bisection of the peer's dial.

    It starts between the nearest sizes that are ``known``, or else between the ends of the peer's settings.
    """
    files: dict[float, bytes] = {}
    sizes = dict(known)

    def size(setting: float) -> int:
        if setting not in sizes:
            files[setting] = peer.encode(pixels, setting)
            sizes[setting] = len(files[setting])
        return sizes[setting]

    whole = all(float(setting).is_integer() for setting in peer.settings)
    measured = [setting for setting in peer.settings if setting in sizes] or [peer.settings[0], peer.settings[-1]]
    small = max((one for one in measured if size(one) < target_bytes), key=size, default=measured[0])
    large = min((one for one in measured if size(one) >= target_bytes), key=size, default=measured[-1])
    for _ in range(SEARCH_STEPS):
        middle = float(round((small + large) / 2)) if whole else (small + large) / 2
        if middle in (small, large):
            break
        if size(middle) < target_bytes:
            small = middle
        else:
            large = middle
    nearest = min(sizes, key=lambda setting: abs(sizes[setting] - target_bytes))
    return nearest, files.get(nearest) or peer.encode(pixels, nearest)


def nearest_results(results: Sequence[Result], codecs: Sequence[str], target_bpp: float) -> dict[str, Result]:
    """One result for each of ``codecs`` that has any: of the first that nearest to ``target_bpp``, of the others those
    nearest to its rate."""
    nearest: dict[str, Result] = {}
    for codec in codecs:
        own = [result for result in results if result.codec == codec]
        if own:
            nearest[codec] = min(own, key=lambda result: abs(result.bpp - target_bpp))
            target_bpp = next(iter(nearest.values())).bpp
    return nearest
