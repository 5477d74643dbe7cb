"""How far a run is, from its manifest alone."""

import dataclasses
from dataclasses import dataclass
from typing import Any

from vaecompress.batch.manifest import Manifest
from vaecompress.batch.task import Record
from vaecompress.errors import InputError


@dataclass(frozen=True)
class Status:
    """What a manifest holds: each file counted once, at its latest.

    ``found`` is what the latest listing found, None until one is through; ``failed`` holds the errors.
    """

    found: int | None
    done: int
    failed: list[str]
    source_bytes: int
    output_bytes: int
    last_finished: str
    settings: str

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return dataclasses.asdict(self)


def status_of(manifest: Manifest) -> Status:
    """Read a manifest. Raises InputError where there is none, StoreError where it cannot be read."""
    runs = manifest.runs()
    if not runs:
        raise InputError(f"{manifest.folder}: holds no manifest")
    latest: dict[bytes, Record] = {record.key: record for record in manifest.records()}
    done = [record for record in latest.values() if not record.exit_code]
    counts = [run["found"] for run in runs if "found" in run]
    return Status(
        found=counts[-1] if counts else None,
        done=len(done),
        failed=[record.error for record in latest.values() if record.exit_code],
        source_bytes=sum(record.source_bytes for record in done),
        output_bytes=sum(record.output_bytes for record in done),
        last_finished=max((record.finished for record in latest.values()), default="never"),
        settings=runs[-1]["settings"],
    )
