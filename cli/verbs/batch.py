"""Encode or decode whole folders and object stores, on all cores of this machine or on a Dask cluster."""

import argparse
from typing import TYPE_CHECKING, Any

from vaecompress.errors import UsageError

from ..console import Console
from ..failures import INTERRUPTED
from ..options import (
    add_goal_arguments,
    add_json_argument,
    add_quiet_argument,
    positive_integer,
    positive_number,
)

if TYPE_CHECKING:
    from vaecompress.batch import Record
    from vaecompress.batch.run import Plan, Summary

_NAMED = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this verb."""
    parser.usage = (
        "vaecompress batch s3://photos/in -o s3://photos/out -q 60 [--workers 8 | --scheduler tcp://host:8786]\n"
        "       vaecompress batch coded/ -o back/ --decode\n"
        "       vaecompress batch --status out/_manifest"
    )
    parser.add_argument("source", nargs="?", metavar="FOLDER", help="a folder: a path, s3://, gs:// or az://")
    parser.add_argument("-o", "--output", metavar="FOLDER", help="where to: a.png becomes a.png.bin there")
    parser.add_argument("--decode", action="store_true", help="streams to pictures and videos, not the other way")
    add_goal_arguments(parser)
    parser.add_argument("--manifest", metavar="FOLDER", help="the record of what is done (_manifest in the output)")
    parser.add_argument("--status", metavar="MANIFEST", help="say how far a run is, and do nothing else")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--workers", type=positive_integer, metavar="N", help="processes here (one per core)")
    where.add_argument("--scheduler", metavar="URL", help="a Dask scheduler: tcp://host:8786")
    parser.add_argument("--chunk", type=positive_integer, default=200, metavar="N", help="files at a time (200)")
    parser.add_argument(
        "--retries", type=positive_integer, default=3, metavar="N", help="how often a fault of a store is retried (3)"
    )
    parser.add_argument(
        "--timeout", type=positive_number, default=300.0, metavar="SECONDS", help="limit for one file (300)"
    )
    parser.add_argument("--update", action="store_true", help="make outputs again whose source or settings changed")
    add_json_argument(parser)
    add_quiet_argument(parser)


def run(options: argparse.Namespace) -> int:
    """Do the folder, or tell how far it is; returns the exit code."""
    console = Console.of(options)
    if options.status is not None:
        return _tell_status(options.status, console)
    from vaecompress.batch.run import run as run_batch

    plan = _plan(options)
    try:
        summary = run_batch(plan, _Watcher(console))
    finally:
        console.clear()
    console.answer(_text(summary, plan), _record(summary, plan))
    return INTERRUPTED if summary.stopped else summary.exit_code


class _Watcher:
    """Tells people how a run goes."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def failed(self, record: "Record") -> None:
        """Name a file that failed."""
        self._console.line(f"vaecompress: {record.error}")

    def note(self, text: str) -> None:
        """Say something."""
        self._console.say(f"note: {text}")

    def progress(self, done: int, total: int | None, megapixels_per_s_per_core: float) -> None:
        """Draw the bar."""
        self._console.progress(done, total, f"files  {megapixels_per_s_per_core:.2f} MP/s per core")


def _plan(options: argparse.Namespace) -> "Plan":
    from vaecompress.arguments import check_tools
    from vaecompress.batch import store
    from vaecompress.batch.run import Plan
    from vaecompress.batch.task import Settings
    from vaecompress.defaults import DEFAULT_EFFORT
    from vaecompress.encoder.goal import Goal
    from vaecompress.encoder.prepare import prepare
    from vaecompress.models import registry

    if not options.source or not options.output:
        raise UsageError("name a folder and an output: vaecompress batch FOLDER -o FOLDER")
    source, output = store.checked(options.source), store.checked(options.output)
    manifest = store.checked(options.manifest) if options.manifest else store.join(output, "_manifest")
    path = store.local_path(source)
    if path is not None and not path.is_dir():
        raise UsageError(f"{source}: is no folder")
    if options.decode:
        goals = options.quality, options.size, options.bpp, options.psnr, options.kbps, options.lossless
        if any(goals) or options.effort is not None or options.model:
            raise UsageError("--decode takes no goal, effort or model: the streams say all that")
        settings = Settings("decode")
    else:
        goal = Goal.from_options(options.quality, options.size, options.bpp, options.psnr, options.kbps)
        effort = DEFAULT_EFFORT if options.effort is None else options.effort
        check_tools(options.tools, options.lossless, ())
        model = registry.load(options.model)
        prepare(effort, model, options.tune)
        settings = Settings(
            "encode",
            goal.quality,
            goal.size_bytes,
            goal.bpp,
            goal.psnr_db,
            goal.kbps,
            effort,
            options.tune,
            options.strip,
            options.exact_alpha,
            options.lossless,
            options.tools,
            options.model,
            model.model_id.hex(),
        )
    return Plan(
        source,
        output,
        manifest,
        settings,
        options.workers,
        options.scheduler,
        options.chunk,
        options.retries,
        options.timeout,
        options.update,
    )


def _text(summary: "Summary", plan: "Plan") -> str:
    lines = [f"{summary.found:,} files: {summary.done:,} done, {summary.passed_over:,} done before"]
    failed = summary.failed + summary.failed_before
    if failed:
        lines[0] += f", {failed:,} failed ({summary.failed_before:,} of them before)"
    if summary.changed:
        lines.append(f"  {summary.changed:,} changed since, or made with other settings; --update makes them again")
    if summary.done:
        sizes = f"{summary.source_bytes / 1e6:,.1f} MB became {summary.output_bytes / 1e6:,.1f} MB"
        quality = f", mean PSNR {summary.total_db / summary.with_db:.2f} dB" if summary.with_db else ""
        lines.append(f"  {sizes}{quality}")
        speed = f"{summary.megapixels_per_s_per_core:.2f} megapixels per second per core"
        lines.append(f"  {summary.seconds:,.1f} s on {summary.cores} cores, {speed}")
    if summary.left_out:
        lines.append(f"  {summary.left_out:,} files left out: not by their names what is wanted")
    if summary.stopped:
        lines.append("  stopped; the same command goes on")
    lines.append(f"  manifest: {plan.manifest}")
    return "\n".join(lines)


def _record(summary: "Summary", plan: "Plan") -> dict[str, Any]:
    return {
        "found": summary.found,
        "done": summary.done,
        "done_before": summary.passed_over,
        "failed": summary.failed,
        "failed_before": summary.failed_before,
        "changed": summary.changed,
        "left_out": summary.left_out,
        "megapixels": summary.pixels / 1e6,
        "source_bytes": summary.source_bytes,
        "output_bytes": summary.output_bytes,
        "seconds": summary.seconds,
        "work_s": summary.work_s,
        "cores": summary.cores,
        "megapixels_per_s_per_core": summary.megapixels_per_s_per_core,
        "stopped": summary.stopped,
        "manifest": plan.manifest,
    }


def _tell_status(folder: str, console: Console) -> int:
    from vaecompress.batch import store
    from vaecompress.batch.manifest import Manifest
    from vaecompress.batch.status import status_of

    status = status_of(Manifest(store.checked(folder)))
    of_all = "" if status.found is None else f" of {status.found:,}"
    lines = [f"{status.done:,}{of_all} files done, {len(status.failed):,} failed"]
    lines.append(f"  {status.source_bytes / 1e6:,.1f} MB became {status.output_bytes / 1e6:,.1f} MB")
    lines.append(f"  last file finished {status.last_finished}, settings: {status.settings}")
    lines += [f"  failed: {error}" for error in status.failed[:_NAMED]]
    if len(status.failed) > _NAMED:
        lines.append(f"  and {len(status.failed) - _NAMED:,} more")
    console.answer("\n".join(lines), status.to_dict())
    return 0
