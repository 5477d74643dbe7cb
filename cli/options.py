"""Options that several verbs share, and the types of their values."""

import argparse
import math
import os
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

_MAX_FRAMES_AT_ONCE = 8
_MAX_THREADS = 1024
_POWERS = {"": 0, "k": 1, "M": 2, "G": 3}


def add_file_arguments(parser: argparse.ArgumentParser, made: str) -> None:
    """Inputs, output, and what to do with many of them."""
    parser.add_argument(
        "paths", nargs="+", metavar="PATH", help="inputs, then the output unless -o names it; - for pipes"
    )
    parser.add_argument("-o", "--output", metavar="DIR", help=f"folder for {made}; one input may also name a file")
    parser.add_argument("-f", "--force", action="store_true", help="replace outputs that exist")
    parser.add_argument("--resume", action="store_true", help="pass over outputs that are done already")
    parser.add_argument("--update", nargs=0, action=_Update, help="as --resume, and replace what is out of date")
    parser.add_argument("--keep-times", action="store_true", help="outputs get the date of their source")
    parser.add_argument(
        "-j", "--jobs", type=thread_count, metavar="N", help="files (1) or frames (all cores) at a time"
    )
    parser.add_argument("--threads", type=thread_count, metavar="N", help="threads a file (all cores; with -j: 1)")
    add_json_argument(parser)
    add_quiet_argument(parser)


def add_json_argument(parser: argparse.ArgumentParser) -> None:
    """``--json``."""
    parser.add_argument("--json", action="store_true", help="print one JSON object a file to standard output")


def add_quiet_argument(parser: argparse.ArgumentParser) -> None:
    """``--quiet``."""
    parser.add_argument("--quiet", action="store_true", help="say only what went wrong")


def add_audio_argument(parser: argparse.ArgumentParser) -> None:
    """``--no-audio``."""
    parser.add_argument("--no-audio", action="store_true", help="leave the sound of videos out")


def add_exclude_argument(parser: argparse.ArgumentParser) -> None:
    """``--exclude``."""
    parser.add_argument(
        "--exclude",
        type=path,
        action="extend",
        nargs="+",
        default=[],
        metavar="FILE",
        help="text files of picture names to leave out, one a line",
    )


def add_goal_arguments(parser: argparse.ArgumentParser) -> None:
    """What an encoding aims at, with which model, and how hard it tries."""
    goal = parser.add_mutually_exclusive_group()
    goal.add_argument("-q", "--quality", type=quality, metavar="1..100", help="quality (60)")
    goal.add_argument(
        "--size", type=byte_count, metavar="BYTES", help="best quality in at most so many: 40000, 40k, 64Ki"
    )
    goal.add_argument("--bpp", type=positive_number, help="best quality with at most so many bits a pixel")
    goal.add_argument("--psnr", type=positive_number, metavar="DB", help="smallest file with at least this PSNR")
    goal.add_argument("--kbps", type=positive_number, help="of videos: so many kilobits a second, sound not counted")
    goal.add_argument("--lossless", action="store_true", help="keep every sample of an 8-bit picture")
    parser.add_argument(
        "--tools", choices=("all", "learned"), default="all", help="learned: networks only, for every kind of picture"
    )
    parser.add_argument("--model", metavar="NAME", help="a name that 'vaecompress models' lists, or a .vcm file")
    parser.add_argument(
        "--effort",
        type=effort,
        metavar="0..9",
        help="how long to search for a better file (3); decoding stays as fast; 6 and above need the train extra",
    )
    parser.add_argument(
        "--tune",
        choices=("psnr", "ssim"),
        default="psnr",
        help="what the search minimises: squared error, or what SSIM sees of it",
    )
    parser.add_argument("--exact-alpha", action="store_true", help="keep colours under alpha 0, which nobody sees")
    parser.add_argument("--strip", action="store_true", help="leave ICC profile, EXIF, XMP and a video's tags out")


def files_at_once(options: argparse.Namespace) -> int:
    """Files to do at a time."""
    return int(options.jobs or 1)


def frames_at_once(options: argparse.Namespace, in_batch: bool) -> int:
    """Frames of a video to do at a time: one in a batch, which does files at a time instead."""
    return 1 if in_batch else int(options.jobs or min(os.cpu_count() or 1, _MAX_FRAMES_AT_ONCE))


def threads_of(options: argparse.Namespace) -> int | None:
    """Threads a file: as asked for, else one where several files are done at a time, else as many as there are."""
    threads: int | None = options.threads
    return 1 if threads is None and files_at_once(options) > 1 else threads


def path(text: str) -> Path:
    """A path that is not empty, as that of an unset shell variable is."""
    if not text:
        raise argparse.ArgumentTypeError("is empty: is a shell variable unset?")
    return Path(text)


def thread_count(text: str) -> int:
    """A whole number from 1 to 1024."""
    if not text.isdecimal() or not 1 <= int(text) <= _MAX_THREADS:
        raise argparse.ArgumentTypeError(f"'{text}' is no whole number from 1 to {_MAX_THREADS}")
    return int(text)


def positive_integer(text: str) -> int:
    """1, 2, 3 and so on."""
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"'{text}' is no whole number above zero")
    return int(text)


def whole_number(text: str) -> int:
    """0, 1, 2 and so on, below 2^31."""
    if not text.isdecimal() or int(text) >= 1 << 31:
        raise argparse.ArgumentTypeError(f"'{text}' is no whole number from 0 on")
    return int(text)


def quality(text: str) -> int:
    """A whole number from 1 to 100."""
    if not text.isdecimal() or not 1 <= int(text) <= 100:
        raise argparse.ArgumentTypeError(f"'{text}' is no whole number from 1 to 100")
    return int(text)


def effort(text: str) -> int:
    """A whole number from 0 to 9."""
    if not text.isdecimal() or int(text) > 9:
        raise argparse.ArgumentTypeError(f"'{text}' is no whole number from 0 to 9")
    return int(text)


def positive_number(text: str) -> float:
    """A finite number above zero."""
    value = _converted(float, text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"'{text}' is no number above zero")
    return float(value)


def frame_rate(text: str) -> Fraction:
    """Frames a second: ``24``, ``23.976`` or ``30000/1001``."""
    value = Fraction(_converted(Fraction, text))
    if not 0 < value <= 1_000_000:
        raise argparse.ArgumentTypeError(f"'{text}' is no frame rate above zero")
    return value


def byte_count(text: str) -> int:
    """A size: ``40000``, ``40k`` (thousands), ``1.5M``, ``64Ki`` (1,024s)."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(?:([kKMG])(i?))?B?", text)
    base = 1024 if match and match[3] else 1000
    size = round(float(match[1]) * base ** _POWERS[(match[2] or "").replace("K", "k")]) if match else 0
    if size < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no size such as 40000, 40k, 1.5M or 64Ki")
    return size


def frame_range(text: str) -> tuple[int, int | None]:
    """``10:20`` is frames 10 to 19, ``10:`` from 10 on, ``:20`` the first 20, ``7`` the one frame 7."""
    match = re.fullmatch(r"(\d*)(:?)(\d*)", text)
    if not match or not (match[1] or match[2]):
        raise argparse.ArgumentTypeError(f"'{text}' is no range of frames such as 10:20")
    first = int(match[1] or 0)
    end = first + 1 if not match[2] else int(match[3]) if match[3] else None
    if end is not None and end <= first:
        raise argparse.ArgumentTypeError(f"'{text}' holds no frame: the second number is the first frame left out")
    return first, end


class _Update(argparse.Action):
    """``--update`` is ``--resume --force``."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, *_: Any) -> None:
        namespace.resume = namespace.force = True


def _converted(kind: Any, text: str) -> Any:
    try:
        return kind(text)
    except (ValueError, ZeroDivisionError):
        raise argparse.ArgumentTypeError(f"'{text}' is no number") from None
