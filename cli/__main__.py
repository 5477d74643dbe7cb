"""``python -m vaecompress_cli``."""

from .main import entry

entry()
