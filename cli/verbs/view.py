"""Look at pictures and streams in a browser: a page on this machine only, with a slider to compare two."""

import argparse
from pathlib import Path

from vaecompress.errors import UsageError

from ..console import Console
from ..failures import explain
from ..options import path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this verb."""
    parser.usage = "vaecompress view before.png after.bin [more.bin ...] [--port 8000]"
    parser.add_argument("files", nargs="+", type=path, metavar="FILE", help="pictures, streams; of a video, a frame")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1 (any that is free)")


def run(options: argparse.Namespace) -> int:
    """Serve the page until stopped. Raises UsageError for a missing file or a port that is taken."""
    from ..jobs.viewer import Viewer

    for file in options.files:
        if not Path(file).is_file():
            raise UsageError(f"{file}: is no file")
    try:
        viewer = Viewer(options.files, options.port, lambda error: explain(error)[0])
    except (OSError, OverflowError) as error:
        raise UsageError(f"port {options.port} cannot be used: {error}") from error
    with viewer:
        Console.of(options).answer(f"{viewer.url}  (Ctrl-C ends it)", {"url": viewer.url})
        viewer.serve_forever()
    return 0
