"""Speed and size of the entropy coder: ``python -m vaecompress_eval.coder_bench``.

Draws latents of pictures of several sizes (64 normal scale tables, 64 more for hyper-latents; one group of
hyper-latents and two of latents) and prints, for one thread, the time each way, symbols a second and the size beside
the information content under the same tables. The best of several runs counts.
"""

import argparse
import math
import time
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from vaecompress.entropy.coder import Decoder, encode, ideal_bits
from vaecompress.entropy.tables import TableSet, symmetric_tables

Group = tuple[NDArray[np.int32], NDArray[np.uint16]]
SCALES = np.geomspace(0.15, 64.0, 64)
LATENTS_PER_HYPER_LATENT = 48
SIZES = (1_500, 15_000, 60_000, 300_000, 3_000_000)
"""Coded symbols; 60,000 are about those of a 768x512 picture."""


def make_tables() -> TableSet:
    """64 scale tables, then the same once more in the place of hyper-latent tables."""
    return TableSet.from_tables(symmetric_tables(_normal_cdf, SCALES) * 2)


def make_groups(generator: np.random.Generator, symbols: int) -> list[Group]:
    """One group of hyper-latents and two of latents, ``symbols`` in all; small scales are the likely ones."""
    hyper = symbols // LATENTS_PER_HYPER_LATENT
    first = (symbols - hyper) // 2
    hyper_index = SCALES.size + np.arange(hyper) % SCALES.size
    counts = (first, symbols - hyper - first)
    latent_indices = [generator.exponential(9.0, count).clip(0, SCALES.size - 1) for count in counts]
    return [_draw(generator, np.asarray(index, np.uint16)) for index in (hyper_index, *latent_indices)]


def measure(groups: Sequence[Group], tables: TableSet, runs: int) -> str:
    """One line of the table."""
    data = encode(groups, tables)
    symbols = sum(index.size for _, index in groups)
    ideal_bytes = sum(ideal_bits(*group, tables) for group in groups) / 8
    encode_ms = _best_ms(lambda: encode(groups, tables), runs)
    decode_ms = _best_ms(lambda: _decode(data, groups, tables), runs)
    return (
        f"{symbols:>9,} {len(data):>10,} {len(data) / ideal_bytes:>9.5f} {encode_ms:>10.2f} {decode_ms:>10.2f} "
        f"{symbols / encode_ms / 1e3:>9.1f} {symbols / decode_ms / 1e3:>9.1f}"
    )


def _draw(generator: np.random.Generator, table_index: NDArray[np.uint16]) -> Group:
    scales = SCALES[table_index % SCALES.size]
    return np.rint(generator.normal(size=table_index.size) * scales).astype(np.int32), table_index


def _decode(data: bytes, groups: Sequence[Group], tables: TableSet) -> None:
    decoder = Decoder(data, tables)
    for _, table_index in groups:
        decoder.decode(table_index)
    decoder.finish()


def _best_ms(call: Callable[[], object], runs: int) -> float:
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times) * 1e3


def _normal_cdf(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array([0.5 * math.erfc(-value / math.sqrt(2.0)) for value in x])


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="coder_bench", description="Speed and size of the entropy coder.")
    parser.add_argument("--runs", type=int, default=7, help="runs of each measurement; the best counts")
    options = parser.parse_args(arguments)
    tables = make_tables()
    print("  symbols      bytes  to ideal  encode ms  decode ms   enc M/s   dec M/s")
    for symbols in SIZES:
        print(measure(make_groups(np.random.default_rng(0), symbols), tables, options.runs))


if __name__ == "__main__":
    main()
