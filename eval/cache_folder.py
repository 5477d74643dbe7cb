"""Where measurements and trained peers are kept between runs."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """The user's folder for them."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "vaecompress"
