"""One codec, one file, one process: ``python -m vaecompress_eval.run.one_file VERB NAME SETTING SOURCE FILE``.

Run by ``speed``, which times the whole process. It imports nothing that the codec does not need. A decoded picture is
written as bare samples, so that no other format's cost is counted; decoded frames of a clip are let go. Prints as JSON
the process's peak memory in bytes and how much of it came with the call; nothing where the system does not tell.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

STATUS = Path("/proc/self/status")
Work = Callable[[], object]


def main() -> None:
    """Read arguments, work, print the peak."""
    verb, name, setting, source, file = sys.argv[1:]
    work = VERBS[verb](name, float(setting), Path(source), Path(file))
    before = peak_bytes()
    work()
    after = peak_bytes()
    if before is not None and after is not None:
        sys.stdout.write(json.dumps({"peak_bytes": after, "codec_bytes": after - before}))


def encode_picture(name: str, setting: float, source: Path, file: Path) -> Work:
    """Read ``source``; what is returned encodes it to ``file``."""
    from ..peers.catalogue import find_peers

    (peer,) = find_peers([name])
    with Image.open(source) as image:
        pixels = np.asarray(image)
    return lambda: file.write_bytes(peer.encode(pixels, setting))


def decode_picture(name: str, _setting: float, _source: Path, file: Path) -> Work:
    """What is returned decodes ``file``."""
    from ..peers.catalogue import find_peers

    (peer,) = find_peers([name])
    return lambda: file.with_suffix(".samples").write_bytes(np.ascontiguousarray(peer.decode(file.read_bytes())).data)


def encode_clip(name: str, setting: float, source: Path, file: Path) -> Work:
    """What is returned reads the clip ``source`` and encodes it to ``file``."""
    from ..measure.clips import load_clip
    from ..peers.video import find_video_peers

    (peer,) = find_video_peers([name])
    clip = load_clip(source)
    return lambda: peer.encode(clip, setting, file)


def decode_clip(name: str, _setting: float, source: Path, file: Path) -> Work:
    """What is returned decodes every frame of ``file``, which was encoded from ``source``."""
    from ..measure.clips import load_clip
    from ..peers.video import find_video_peers

    (peer,) = find_video_peers([name])
    clip = load_clip(source)
    return lambda: sum(1 for _ in peer.decode(clip, file))


def peak_bytes() -> int | None:
    """Largest resident size of this process so far.

    Not ``getrusage``: its figure starts at the size of the parent process.
    """
    if not STATUS.exists():
        return None
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM"))
    return 1024 * int(line.split()[1])


VERBS = {
    "encode-picture": encode_picture,
    "decode-picture": decode_picture,
    "encode-clip": encode_clip,
    "decode-clip": decode_clip,
}

if __name__ == "__main__":
    main()
