"""What the study measured, as lines of JSON in its folder: ``seed-<seed>.jsonl``, one line a row that is done."""

import json
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vaecompress.errors import CorruptError, UsageError
from vaecompress.files import write_atomically

SETTINGS_NAME = "study.json"


@dataclass(frozen=True)
class Check:
    """A validation: minutes, steps and pixels trained so far, R-D losses at five qualities by MSE and by MS-SSIM."""

    minutes: float
    steps: int
    pixels: int
    losses: list[float]
    ms_ssim_losses: list[float]

    @property
    def loss(self) -> float:
        """Mean over the qualities."""
        return statistics.fmean(self.losses)


@dataclass(frozen=True)
class Outcome:
    """A row at one seed; of one that ``diverged`` (its loss stopped being finite) the checks before that."""

    row: str
    seed: int
    kmac_per_pixel: float
    diverged: bool
    checks: list[Check]

    @property
    def last(self) -> Check:
        """The validation at the end of the budget."""
        return self.checks[-1]


class Results:
    """The outcomes in a study's folder."""

    def __init__(self, folder: Path) -> None:
        """Read what is there; a line that a crash cut short does not count. Raises :class:`CorruptError`."""
        self._folder = folder
        self.outcomes = [one for path in sorted(folder.glob("seed-*.jsonl")) for one in _read(path)]

    def claim(self, settings: Mapping[str, Any]) -> None:
        """Note what every row of this folder has in common. Raises :class:`UsageError` where others did otherwise."""
        path, text = self._folder / SETTINGS_NAME, json.dumps(dict(settings), indent=1)
        if not path.exists():
            write_atomically(path, text.encode())
        elif path.read_text(encoding="utf-8") != text:
            found = " ".join(path.read_text(encoding="utf-8").split())
            raise UsageError(f"{self._folder}: holds a study with other settings, {found}: give another folder")

    def has(self, row: str, seed: int) -> bool:
        """Whether the row is done at this seed."""
        return any((one.row, one.seed) == (row, seed) for one in self.outcomes)

    def add(self, outcome: Outcome) -> None:
        """Write an outcome down, beside what others wrote meanwhile. Raises :class:`OutputError`, CorruptError."""
        self.outcomes.append(outcome)
        path = self._folder / f"seed-{outcome.seed}.jsonl"
        same_seed = _read(path) if path.exists() else []
        write_atomically(path, _lines([*same_seed, outcome]).encode())


def _lines(outcomes: Iterable[Outcome]) -> str:
    return "".join(json.dumps(asdict(one)) + "\n" for one in outcomes)


def _read(path: Path) -> list[Outcome]:
    text = path.read_text(encoding="utf-8")
    try:
        return [_parsed(json.loads(line)) for line in text[: text.rfind("\n") + 1].splitlines()]
    except (ValueError, TypeError, KeyError) as error:
        raise CorruptError(f"{path}: is damaged; correct or delete it, and its rows are trained again") from error


def _parsed(fields: dict[str, Any]) -> Outcome:
    return Outcome(**{**fields, "checks": [Check(**check) for check in fields["checks"]]})
