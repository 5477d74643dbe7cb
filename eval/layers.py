"""Where the time of a decoder's network goes: ``python -m vaecompress_eval.layers --model base``.

Prints milliseconds an operator under onnxruntime, one thread, the mean of several runs: of the graph as the model file
has it, of the same in fewer passes over memory, and of that in stages and tiles, as it runs. What is left of the last
row's time is spent between the stages.
"""

import argparse
import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vaecompress.format import PATCH
from vaecompress.models import registry
from vaecompress.models.loaded import LoadedModel
from vaecompress.networks.fewer_passes import in_fewer_passes
from vaecompress.networks.graph_bytes import serialise
from vaecompress.networks.onnx_graph import parse
from vaecompress.networks.onnx_network import session_options
from vaecompress.networks.staged_run import Layout, StagedRun
from vaecompress.networks.stages import stages

from .console import exit_code

Array = npt.NDArray[Any]
Inputs = Mapping[str, Array]

COLUMNS = {
    "Conv": "Conv",
    "FusedConv": "Conv",
    "Round": "Round",
    "Clip": "Clip",
    "ReorderInput": "reorders",
    "ReorderOutput": "reorders",
    "Add": "Add",
    "Mul": "Mul",
    "DepthToSpace": "DepthToSpace",
}
REST = "others"
QUALITY = 60


def synthesis_inputs(model: LoadedModel, width: int, height: int) -> dict[str, Array]:
    """Random latents of a picture of so many pixels, with the gains of quality 60."""
    rng, channels = np.random.default_rng(0), model.shape.latent_channels
    shape = (1, channels, -(-height // PATCH), -(-width // PATCH))
    return {
        "y": rng.integers(-60, 61, shape).astype(np.float32),
        "latent_gain": model.gain("decoder_latent", QUALITY),
        "feature_gain": model.gain("synthesis_feature", QUALITY),
    }


def table(model: LoadedModel, inputs: Inputs, runs: int) -> str:
    """Rows of milliseconds by operator, Markdown."""
    data = model.file.networks["synthesis"]
    lean = in_fewer_passes(parse(data))
    parts = stages(lean)
    layout = Layout(parts, {name: value.shape for name, value in inputs.items()}, 1)

    def staged(sessions: Sequence[Any]) -> None:
        StagedRun(layout, inputs, lean.outputs).run(sessions)

    def whole(sessions: Sequence[Any]) -> None:
        sessions[0].run(None, dict(inputs))

    names = list(dict.fromkeys([*COLUMNS.values(), REST]))
    lines = [f"| {model.name}, ms | {' | '.join(names)} | all |", f"| --- |{' ---: |' * (len(names) + 1)}"]
    for label, graphs, run in (
        ("as in the file", [data], whole),
        ("in fewer passes", [serialise(lean)], whole),
        ("in stages and tiles", [serialise(part.graph) for part in parts], staged),
    ):
        spent, total = measure(graphs, run, runs)
        lines.append(f"| {label} | {' | '.join(f'{spent[name]:.1f}' for name in names)} | {total:.1f} |")
    return "\n".join(lines) + "\n"


def measure(graphs: Sequence[bytes], run: Callable[[Sequence[Any]], None], runs: int) -> tuple[dict[str, float], float]:
    """Milliseconds of each column, and of a run as a whole: the mean of ``runs``."""
    import onnxruntime

    with tempfile.TemporaryDirectory() as folder:
        sessions = []
        for number, graph in enumerate(graphs):
            options = session_options(1)
            options.enable_profiling = True
            options.profile_file_prefix = str(Path(folder) / str(number))
            sessions.append(onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"]))
        start = time.process_time()
        for _ in range(runs):
            run(sessions)
        total = 1e3 * (time.process_time() - start) / runs
        spent: dict[str, float] = defaultdict(float)
        for session in sessions:
            for event in json.loads(Path(session.end_profiling()).read_text(encoding="utf-8")):
                if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
                    spent[COLUMNS.get(event["args"]["op_name"], REST)] += event["dur"] / 1e3 / runs
    return spent, total


def main() -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", help="a name or a model file")
    parser.add_argument("--size", default="768x512", help="width and height of the picture")
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()

    def run() -> None:
        model = registry.load(arguments.model, threads=1)
        width, height = map(int, arguments.size.split("x"))
        print(table(model, synthesis_inputs(model, width, height), arguments.runs), end="")

    return exit_code(run)


if __name__ == "__main__":
    raise SystemExit(main())
