"""Pack training pictures into tar shards that travel well and train without tensorflow; or triples, or coded crops."""

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
    made = parser.add_mutually_exclusive_group()
    made.add_argument(
        "--triples", action="store_true", help="search for motion in clips and moved pictures, for --preset video"
    )
    made.add_argument(
        "--coded", action="store_true", help="code crops of pictures as the encoder does, for train --coded"
    )
    parser.add_argument(
        "--model",
        metavar="NAME",
        help="what decodes the frames that triples are predicted from, or codes crops",
    )
    parser.add_argument("--shard-size", type=byte_count, metavar="BYTES", help="largest shard (30Mi)")
    add_json_argument(parser)
    add_quiet_argument(parser)


def run(options: argparse.Namespace) -> int:
    """Pack; returns the exit code."""
    if options.model and not (options.triples or options.coded):
        raise UsageError("--model needs --triples or --coded: pictures are packed as they are")
    if options.coded and options.max_side:
        raise UsageError("--max-side does not go with --coded: crops are reduced at random")
    console = Console.of(options)
    manifest = _packed(options, console)
    pictures, shards = len(manifest["pictures"]), len(manifest["shards"])
    noun = "triples" if options.triples else "crops" if options.coded else "pictures"
    skipped = "".join(f", {count} {reason} left out" for reason, count in manifest["skipped"].items())
    text = f"{options.output}: {pictures} {noun}, {manifest['pixels'] / 1e6:.1f} MP in {shards} shards{skipped}"
    record = {key: manifest[key] for key in ("pixels", "skipped")} | {noun: pictures, "shards": shards}
    console.done(text, {"output": str(options.output), **record})
    return 0


def _packed(options: argparse.Namespace, console: Console) -> dict[str, Any]:
    """The manifest of what was packed."""
    from vaecompress.train.data.pack import SHARD_BYTES, pack

    size_bytes = options.shard_size or SHARD_BYTES
    if not (options.triples or options.coded):
        exclude = excluded_names(options.exclude, options.sources, console)
        return pack(options.sources, options.output, size_bytes, exclude, options.max_side)
    from vaecompress.models import registry

    def progress(done: int, total: int) -> None:
        console.progress(done, total, "pictures" if options.coded else "clips and pictures")

    if options.coded:
        from vaecompress.train.data.make_coded import pack_coded

        exclude = excluded_names(options.exclude, options.sources, console)
        model = registry.load(options.model)
        return pack_coded(options.sources, options.output, model, size_bytes, exclude, progress)
    from vaecompress.models.default import VIDEO
    from vaecompress.train.data.make_triples import CLIPS, pack_triples

    exclude = excluded_names(options.exclude, options.sources, console, CLIPS)
    model = registry.load(options.model, kind=VIDEO)
    return pack_triples(options.sources, options.output, model, size_bytes, exclude, options.max_side, progress)
