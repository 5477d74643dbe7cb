"""The house's picture held against its imports: which layer stands on which, and who may use which package."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = {"vaecompress": "vaecompress", "vaecompress_cli": "cli", "vaecompress_eval": "eval"}
BASE = {"errors", "limits"}
CODING = BASE | {"format", "files", "media", "bitstream", "entropy", "networks", "models", "codec"}
STANDS_ON = {
    "errors": set(),
    "format": set(),
    "limits": {"errors"},
    "files": {"errors"},
    "media": BASE,
    "bitstream": BASE,
    "entropy": BASE,
    "networks": BASE,
    "transforms": BASE | {"format", "entropy"},
    "models": BASE | {"format", "files", "entropy", "networks"},
    "codec": BASE | {"format", "files", "media", "bitstream", "entropy", "networks", "models"},
    "export": CODING | {"transforms"},
    "encoder": CODING | {"transforms", "export"},
    "train": CODING | {"transforms", "export", "encoder"},
    "batch": CODING | {"encoder"},
