"""Documents whose code runs."""

import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
CODE_BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def run_python_of(document: Path) -> dict[str, Any]:
    """Execute every Python block of a document, in order, as one module; its globals."""
    module: dict[str, Any] = {"__name__": document.stem}
    for block in CODE_BLOCK.finditer(document.read_text(encoding="utf-8")):
        line = document.read_text(encoding="utf-8").count("\n", 0, block.start(1))
        exec(compile("\n" * line + block[1], str(document), "exec"), module)
    return module
