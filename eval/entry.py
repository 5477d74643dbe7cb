"""How the evaluation scripts end."""

import sys
from collections.abc import Callable

from vaecompress.errors import VaecompressError

INTERRUPTED = 130


def exit_code(work: Callable[[], None], stopped: str = "stopped") -> int:
    """Do ``work``; 0, or the code of what went wrong, with one line of it (``stopped``, on Ctrl-C) on stderr."""
    try:
        work()
    except VaecompressError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write(f"{stopped}\n")
        return INTERRUPTED
    return 0
