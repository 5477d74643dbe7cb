"""Learning curves of a run: a CSV that grows while it trains, a PNG plot of it, TensorBoard events, anybody's log."""

import csv
import io
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from vaecompress.errors import CorruptError, OutputError, UsageError
from vaecompress.files import write_atomically

TRAINING = "train"
"""Series of rows that are averages over training batches; other series are validation anchors, such as ``q50``."""

PANELS = {"loss": "loss", "bpp": "rate [bits/pixel]", "psnr_db": "PSNR [dB]"}


@dataclass(frozen=True)
class CurveRow:
    """One point: where the run stood (``pixels``: training pixels seen), which series, what was measured.

    ``loss`` is the run's own R-D loss; a value that was not measured is ``None``.
    """

    step: int
    minutes: float
    pixels: int
    series: str
    loss: float | None = None
    bpp: float | None = None
    psnr_db: float | None = None
    learning_rate: float | None = None
    steps_per_s: float | None = None

    @property
    def measured(self) -> dict[str, float]:
        """What was measured, by names such as ``q50/loss``: for logs that take a dictionary and a step."""
        values = {name: getattr(self, name) for name in (*PANELS, "learning_rate", "steps_per_s")}
        return {f"{self.series}/{name}": value for name, value in values.items() if value is not None}


_COLUMNS = [field.name for field in fields(CurveRow)]


class CurveLog:
    """The rows of ``path`` (``run/curves.csv``), appended to as the run goes on."""

    def __init__(self, path: Path, resume_step: int = 0) -> None:
        """Keep the file's rows up to ``resume_step`` and drop those beyond; 0 starts afresh.

        Raises :class:`CorruptError` when the file is no such table, :class:`OutputError` when it cannot be written.
        """
        self.path = path
        found = read_rows(path) if resume_step and path.exists() else []
        self.rows = [row for row in found if row.step <= resume_step]
        write_atomically(path, _table(self.rows, header=True).encode())

    def append(self, row: CurveRow) -> None:
        """Add ``row`` to the file at once. Raises :class:`OutputError`."""
        self.rows.append(row)
        try:
            with self.path.open("a", encoding="utf-8", newline="") as file:
                file.write(_table([row], header=False))
        except OSError as error:
            raise OutputError(f"{self.path}: cannot be written ({error.strerror or error})") from error


def read_rows(path: Path) -> list[CurveRow]:
    """The rows of a curves file; a last line that a crash cut short is left out. Raises :class:`CorruptError`."""
    text = path.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    reader = csv.DictReader(io.StringIO(whole))
    if reader.fieldnames != _COLUMNS:
        raise CorruptError(f"{path}: is not a table of learning curves; move it away")
    try:
        return [_parsed(record) for record in reader]
    except (ValueError, TypeError) as error:
        raise CorruptError(f"{path}: line {reader.line_num} is damaged; correct or delete it") from error


def plot_curves(rows: Sequence[CurveRow], path: Path) -> None:
    """Draw loss, rate and PSNR of every series against steps and against minutes as a PNG. Needs matplotlib.

    Raises :class:`OutputError` when ``path`` cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 9), layout="constrained")
    axes = figure.subplots(len(PANELS), 2, sharex="col", sharey="row")
    for (name, label), (by_step, by_minutes) in zip(PANELS.items(), axes, strict=True):
        _draw(by_step, rows, "step", name)
        _draw(by_minutes, rows, "minutes", name)
        by_step.set_ylabel(label)
    axes[-1][0].set_xlabel("step")
    axes[-1][1].set_xlabel("minutes")
    handles, labels = axes[0][0].get_legend_handles_labels()
    if labels:
        figure.legend(handles, labels, loc="outside right upper")
    buffer = io.BytesIO()
    FigureCanvasAgg(figure).print_png(buffer)
    write_atomically(path, buffer.getvalue())


class TensorBoardLog:
    """Writes rows as TensorBoard scalars into ``folder``, one TensorBoard run a series. Needs tensorboardX.

    Its writer of events is used without the queue and thread that usually stand before it: rows reach the disk at once.
    """

    def __init__(self, folder: Path) -> None:
        """Raises :class:`UsageError` when tensorboardX is not installed."""
        try:
            from tensorboardX.event_file_writer import EventsWriter
            from tensorboardX.proto.event_pb2 import Event
            from tensorboardX.summary import scalar
        except ImportError as error:
            raise UsageError("TensorBoard logs need tensorboardX: pip install tensorboardX") from error
        self._open, self._event, self._scalar = EventsWriter, Event, scalar
        self._folder = folder
        self._writers: dict[str, Any] = {}

    def append(self, row: CurveRow) -> None:
        """Write every measured value of ``row``. Raises :class:`OutputError`."""
        try:
            if row.series not in self._writers:
                (self._folder / row.series).mkdir(parents=True, exist_ok=True)
                self._writers[row.series] = self._open(str(self._folder / row.series / "events"))
            writer = self._writers[row.series]
            for name, value in row.measured.items():
                summary = self._scalar(name.removeprefix(f"{row.series}/"), value)
                writer.write_event(self._event(step=row.step, wall_time=time.time(), summary=summary))
            writer.flush()
        except OSError as error:
            raise OutputError(f"{self._folder}: cannot be written ({error.strerror or error})") from error

    def close(self) -> None:
        """Close the files."""
        for writer in self._writers.values():
            writer.close()


def _draw(panel: Any, rows: Sequence[CurveRow], across: str, name: str) -> None:
    for series in dict.fromkeys(row.series for row in rows):
        points = [(getattr(r, across), getattr(r, name)) for r in rows if r.series == series]
        points = [(x, y) for x, y in points if y is not None]
        style = {"color": "grey", "linewidth": 0.8} if series == TRAINING else {"marker": ".", "linewidth": 1.2}
        panel.plot(*zip(*points, strict=True) if points else ([], []), label=series, **style)
    panel.grid(alpha=0.3)


def _table(rows: Sequence[CurveRow], header: bool) -> str:
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, _COLUMNS, lineterminator="\n")
    if header:
        writer.writeheader()
    for row in rows:
        writer.writerow({name: _text(value) for name, value in asdict(row).items()})
    return buffer.getvalue()


def _text(value: float | int | str | None) -> str:
    if value is None:
        return ""
    return f"{float(value):.7g}" if isinstance(value, float) else str(value)


def _parsed(record: dict[str, str]) -> CurveRow:
    measured = [float(record[name]) if record[name] else None for name in _COLUMNS[4:]]
    step, minutes, pixels = int(record["step"]), float(record["minutes"]), int(record["pixels"])
    return CurveRow(step, minutes, pixels, record["series"], *measured)
