"""Pack training pictures into tar shards that travel well and train without tensorflow; or triples, for video."""

import argparse
from typing import Any

from vaecompress.errors import UsageError

from ..console import Console
from ..jobs.inputs import excluded_names
from ..options import add_exclude_argument, add_json_argument, add_quiet_argument, byte_count, path, positive_integer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this verb."""
    parser.add_argument("sources", nargs="+", type=path, metavar="SOURCE", help="folders, pictures, clips, tar shards")
    add_exclude_argument(parser)
    parser.add_argument("-o", "--output", type=path, required=True, metavar="DIR", help="new folder for the shards")
    parser.add_argument("--max-side", type=positive_integer, metavar="PIXELS", help="reduce larger pictures to this")
    parser.add_argument(
        "--triples", action="store_true", help="search for motion in clips and moved pictures, for --preset video"
    )
    parser.add_argument("--model", metavar="NAME", help="with --triples: what decodes the frames to predict from")
    parser.add_argument("--shard-size", type=byte_count, metavar="BYTES", help="largest shard (30Mi)")
    add_json_argument(parser)
    add_quiet_argument(parser)


def run(options: argparse.Namespace) -> int:
    """Pack; returns the exit code."""
    if options.model and not options.triples:
        raise UsageError("--model needs --triples: pictures are packed as they are")
    console = Console.of(options)
    manifest = _packed(options, console)
    pictures, shards = len(manifest["pictures"]), len(manifest["shards"])
    noun = "triples" if options.triples else "pictures"
    skipped = "".join(f", {count} {reason} left out" for reason, count in manifest["skipped"].items())
    text = f"{options.output}: {pictures} {noun}, {manifest['pixels'] / 1e6:.1f} MP in {shards} shards{skipped}"
    record = {key: manifest[key] for key in ("pixels", "skipped")} | {noun: pictures, "shards": shards}
    console.done(text, {"output": str(options.output), **record})
    return 0


def _packed(options: argparse.Namespace, console: Console) -> dict[str, Any]:
    """The manifest of what was packed."""
    from vaecompress.train.data.pack import SHARD_BYTES, pack

    size_bytes = options.shard_size or SHARD_BYTES
    if not options.triples:
        exclude = excluded_names(options.exclude, options.sources, console)
        return pack(options.sources, options.output, size_bytes, exclude, options.max_side)
    from vaecompress.models import registry
    from vaecompress.models.default import VIDEO
    from vaecompress.train.data.make_triples import CLIPS, pack_triples

    def progress(done: int, total: int) -> None:
        console.progress(done, total, "clips and pictures")

    exclude = excluded_names(options.exclude, options.sources, console, CLIPS)
    model = registry.load(options.model, kind=VIDEO)
    return pack_triples(options.sources, options.output, model, size_bytes, exclude, options.max_side, progress)
