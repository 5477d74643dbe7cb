"""The command ``vaecompress``: finds the verb, runs it, turns what goes wrong into one line and an exit code."""

import argparse
import importlib
import logging
import os
import signal
import sys
import traceback
import warnings
from collections.abc import Sequence
from typing import NoReturn

from vaecompress.errors import OutputError, UsageError

from .failures import INTERRUPTED, explain, printable
from .jobs.outputs import abandon_parts
from .streams import finish_standard_output, guard_standard_streams, leave_standard_output, silence_libraries

VERBS = {
    "encode": "pictures and videos to small files",
    "decode": "and back",
    "batch": "whole folders and object stores, on all cores or a cluster",
    "view": "look at files in a browser, and compare two",
    "info": "what a file is, without decoding it",
    "denoise": "noisy pictures to clean ones",
    "sample": "pictures drawn from what a model expects",
    "inspect": "where the bits of a file go, as a report",
    "models": "the models at hand",
    "bench": "compare with other codecs on your own pictures",
    "train": "train a model",
    "pack": "pack training pictures into shards",
    "freeze": "turn a training run into a model file",
    "completion": "make your shell complete verbs, options and files",
}

EXITS = """exit codes: 0 done, 1 a bug, 2 wrong usage, 3 input not readable, 4 stream corrupt, 5 stream not
decodable here, 6 over a limit, 7 goal out of reach, 8 output not writable, 9 training diverged, 10 another process of
a training run lost, 130 stopped"""


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are one line."""

    def error(self, message: str) -> NoReturn:
        """Raise :class:`UsageError`."""
        raise UsageError(f"{message} (see {self.prog} --help)")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line (that of the process by default); returns its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        return _dispatch(words)
    except BrokenPipeError:  # whoever read standard output has gone: nothing more to say
        leave_standard_output()
        return OutputError.exit_code
    except (Exception, KeyboardInterrupt) as error:
        if not {"-v", "--verbose"}.isdisjoint(words):
            traceback.print_exc()
        text, code = explain(error)
        sys.stderr.write(f"vaecompress: {printable(text)}\n")
        return code


def _dispatch(words: list[str]) -> int:
    parser = top_parser()
    parser.add_argument("verb", nargs="?", choices=VERBS, metavar="VERB", help=argparse.SUPPRESS)
    verb_place = next((place for place, word in enumerate(words) if not word.startswith("-")), len(words))
    chosen, rest = parser.parse_args(words[: verb_place + 1]), words[verb_place + 1 :]
    if chosen.verb is None:
        parser.error(f"name a verb: {', '.join(VERBS)}")
    verb = importlib.import_module(f".verbs.{chosen.verb}", __package__)
    parser = Parser(prog=f"vaecompress {chosen.verb}", description=verb.__doc__, allow_abbrev=False)
    verb.add_arguments(parser)
    _add_verbose(parser)
    options = parser.parse_intermixed_args(_without_leading_dashes(rest))
    options.verbose |= chosen.verbose
    code: int = verb.run(options)
    finish_standard_output()
    return code


def _without_leading_dashes(words: list[str]) -> list[str]:
    """``words``, those after ``--`` (all of them paths) so that no version of argparse takes one for an option."""
    end = words.index("--") + 1 if "--" in words else len(words)
    return words[:end] + [f"./{word}" if word.startswith("-") and len(word) > 1 else word for word in words[end:]]


def top_parser() -> Parser:
    """The parser of what stands before the verb."""
    listed = "\n".join(f"  {name:10} {text}" for name, text in VERBS.items())
    parser = Parser(
        prog="vaecompress",
        usage="vaecompress VERB ... ('vaecompress VERB --help' tells more)",
        description=f"A learned image and video codec.\n\nverbs:\n{listed}",
        epilog=EXITS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _add_verbose(parser)
    parser.add_argument("--version", action="version", version=_version())
    return parser


def _add_verbose(parser: Parser) -> None:
    parser.add_argument("-v", "--verbose", action="store_true", help="show the trace of an error")


def _version() -> str:
    import vaecompress

    return f"vaecompress {vaecompress.__version__}"


def entry() -> NoReturn:
    """The console script."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    guard_standard_streams()
    _silence_libraries()
    if sys.argv[1:2] in (["encode"], ["decode"], ["info"]) and {"-v", "--verbose"}.isdisjoint(sys.argv):
        silence_libraries()
    code = main()
    if code == INTERRUPTED:  # worker threads may be in the middle of a picture, and would hold up an ordinary exit
        abandon_parts()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def _silence_libraries() -> None:
    """Standard error is for our own words."""
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
