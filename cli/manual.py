"""What is made of all parsers together: completions for shells, and the man page."""

import argparse
import importlib
from collections.abc import Iterator
from typing import Any

from .main import EXITS, VERBS, Parser, top_parser

_FOLDERS, _FILES = ("DIR", "RUN"), ("FILE", "PATH", "SOURCE")
"""Metavariables that a shell completes with names of folders, and of files."""


def completion(shell: str) -> str:
    """The completion script of a shell that :func:`shells` lists."""
    import shtab

    parser = whole_parser()
    for action in _actions(parser):
        if action.metavar in _FOLDERS:
            action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
        elif action.metavar in _FILES:
            action.complete = shtab.FILE  # type: ignore[attr-defined]
    script: str = shtab.complete(parser, shell)
    return script


def shells() -> list[str]:
    """Names of the shells that there is a completion for."""
    import shtab

    return list(shtab.SUPPORTED_SHELLS)


def man_page() -> str:
    """The man page, in the language of man(1). Needs argparse-manpage."""
    from argparse_manpage.manpage import Manpage

    import vaecompress

    about: dict[str, Any] = {
        "project_name": "vaecompress",
        "prog": "vaecompress",
        "version": vaecompress.__version__,
        "description": "learned image and video codec",
        "manual_section": 1,
        "manual_title": "User Commands",
    }
    page = Manpage(whole_parser(), _data=about, format="single-commands-section")
    return f"{page}\n.SH EXIT STATUS\n{EXITS}\n"


def whole_parser() -> Parser:
    """One parser of every verb with all of its options."""
    parser = top_parser()
    parser.description = "A learned image and video codec."
    verbs = parser.add_subparsers(title="verbs", dest="verb", metavar="VERB", parser_class=Parser)
    for name, text in VERBS.items():
        verb = importlib.import_module(f".verbs.{name}", __package__)
        verb.add_arguments(verbs.add_parser(name, help=text, description=verb.__doc__, allow_abbrev=False))
    return parser


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Every option and argument of a parser and of those inside it."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from _actions(inner)
        else:
            yield action
