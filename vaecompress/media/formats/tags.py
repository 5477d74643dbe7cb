"""What a video file says of what it shows: title, time of creation, place. libav's names of it, in lower case."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from vaecompress.media.formats.stream import opened

_OF_THE_FILE = frozenset(
    ["major_brand", "minor_version", "compatible_brands", "encoder", "duration", "com.android.version"]
)
"""What is said of a file itself."""

_OTHER_NAMES = {"com.apple.quicktime.location.iso6709": "location", "location-eng": "location"}


def tags_of(container: Any) -> dict[str, str]:
    """Return what an input container of libav says."""
    found = {name.lower(): value for name, value in container.metadata.items() if value}
    for name, usual in _OTHER_NAMES.items():
        if name in found:
            found.setdefault(usual, found[name])
    return {name: found[name] for name in sorted(found.keys() - _OF_THE_FILE - _OTHER_NAMES.keys())}


def lost_tags(path: Path, wanted: Iterable[str]) -> list[str]:
    """Return the names among ``wanted`` that a written file does not say."""
    with opened(path) as (container, _):
        kept = tags_of(container)
    return [name for name in wanted if name not in kept]
