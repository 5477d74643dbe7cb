"""Pack training pictures into tar shards that travel well and train without tensorflow."""

import argparse

from ..console import Console
from ..jobs.inputs import excluded_names
from ..options import add_exclude_argument, add_json_argument, add_quiet_argument, byte_count, path, positive_integer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this verb."""
    parser.add_argument("sources", nargs="+", type=path, metavar="SOURCE", help="folders, pictures, tar shards")
    add_exclude_argument(parser)
    parser.add_argument("-o", "--output", type=path, required=True, metavar="DIR", help="new folder for the shards")
    parser.add_argument("--max-side", type=positive_integer, metavar="PIXELS", help="reduce larger pictures to this")
    parser.add_argument("--shard-size", type=byte_count, metavar="BYTES", help="largest shard (30Mi)")
    add_json_argument(parser)
    add_quiet_argument(parser)


def run(options: argparse.Namespace) -> int:
    """Pack; returns the exit code."""
    from vaecompress.train.data.pack import SHARD_BYTES, pack

    console = Console.of(options)
    size_bytes = options.shard_size or SHARD_BYTES
    exclude = excluded_names(options.exclude, options.sources, console)
    manifest = pack(options.sources, options.output, size_bytes, exclude, options.max_side)
    pictures, shards = len(manifest["pictures"]), len(manifest["shards"])
    skipped = "".join(f", {count} {reason} left out" for reason, count in manifest["skipped"].items())
    text = f"{options.output}: {pictures} pictures, {manifest['pixels'] / 1e6:.1f} MP in {shards} shards{skipped}"
    record = {key: manifest[key] for key in ("pixels", "skipped")} | {"pictures": pictures, "shards": shards}
    console.done(text, {"output": str(options.output), **record})
    return 0
