"""One codec, one file, one process: ``python -m vaecompress_eval.one_file encode NAME SETTING SOURCE TARGET``.

Run by ``speed``, which times the whole process. It imports nothing that the codec does not need. The decoded picture
is written as bare samples, so that no other format's cost is counted. Prints the process's peak memory in bytes.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from .peers import find_peer

STATUS = Path("/proc/self/status")


def main() -> None:
    """Read arguments, work, print the peak; nothing where the system does not tell it."""
    verb, name, setting, source, target = sys.argv[1:]
    peer = find_peer(name)
    if verb == "encode":
        with Image.open(source) as image:
            pixels = np.asarray(image.convert("RGB"))
        Path(target).write_bytes(peer.encode(pixels, float(setting)))
    else:
        Path(target).write_bytes(peer.decode(Path(source).read_bytes()).tobytes())
    sys.stdout.write(peak_bytes())


def peak_bytes() -> str:
    """Largest resident size of this process so far.

    Not ``getrusage``: its figure starts at the size of the parent process.
    """
    if not STATUS.exists():
        return ""
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM"))
    return str(1024 * int(line.split()[1]))


if __name__ == "__main__":
    main()
