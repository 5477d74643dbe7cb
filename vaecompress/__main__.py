"""``python -m vaecompress``: the command line, which stands above this package."""

from vaecompress_cli.main import entry

entry()
