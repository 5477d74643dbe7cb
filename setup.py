"""Makes the man page and the completions of shells from the parsers, when the package is built; see pyproject.toml."""

import importlib.util
import sys
from pathlib import Path

from setuptools import setup

ROOT = Path(__file__).parent
SHARE = ROOT / "build" / "share"
FOLDERS = {"vaecompress": "vaecompress", "vaecompress_cli": "cli", "vaecompress_eval": "eval"}


def make_share() -> None:
    """Write what pyproject.toml lists as data files."""
    for name, folder in FOLDERS.items():
        where = ROOT / folder
        spec = importlib.util.spec_from_file_location(
            name, where / "__init__.py", submodule_search_locations=[str(where)]
        )
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    from vaecompress_cli.manual import completion, man_page

    SHARE.mkdir(parents=True, exist_ok=True)
    (SHARE / "vaecompress.1").write_text(man_page(), encoding="utf-8")
    for shell, file in {"bash": "vaecompress", "zsh": "_vaecompress", "fish": "vaecompress.fish"}.items():
        (SHARE / file).write_text(completion(shell), encoding="utf-8")


make_share()
setup()
