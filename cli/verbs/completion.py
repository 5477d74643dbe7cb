"""Print a script that makes a shell complete verbs, options and files."""

import argparse
import sys


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this verb."""
    from ..manual import shells

    parser.epilog = "bash: vaecompress completion bash > ~/.local/share/bash-completion/completions/vaecompress"
    parser.add_argument("shell", choices=shells(), help="the shell it is for")


def run(options: argparse.Namespace) -> int:
    """Print the script on standard output; returns the exit code."""
    from ..manual import completion

    sys.stdout.write(completion(options.shell))
    return 0
