"""Random bytes and random damage on parse and decode, and every finding of the fuzzer once more."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vaecompress_eval.trust import fuzz
from vaecompress_eval.trust.damage import with_sound_crcs
from vaecompress_eval.trust.torture import end_of, sound_streams

from vaecompress.limits import Limits
from vaecompress.models import registry

FINDINGS = sorted((Path(__file__).parents[2] / "fuzz_findings").glob("*.bin"))
HEAD = b"\x9dVAE\1"


@pytest.fixture(scope="module")
def seeds() -> list[bytes]:
    return list(sound_streams(registry.load("tiny", threads=1), 16, 16).values())


@settings(max_examples=200)
@given(st.one_of(st.binary(max_size=200), st.binary(max_size=200).map(lambda body: HEAD + body)))
def test_random_bytes(data: bytes) -> None:
    fuzz.fuzz_one(data)


@settings(max_examples=150)
@given(st.integers(0, 2**32))
def test_random_damage(seeds: list[bytes], seed: int) -> None:
    generator = np.random.default_rng(seed)
    fuzz.fuzz_one(fuzz.changed(seeds[seed % len(seeds)], generator))


def test_sound_crcs_are_those_of_a_sound_stream(seeds: list[bytes]) -> None:
    """Mending nothing changes nothing; mending a broken CRC makes the stream sound again."""
    for data in seeds:
        assert with_sound_crcs(data) == data
        broken = data[:22] + bytes([data[22] ^ 1]) + data[23:]
        assert end_of(broken) != "sound"
    flipped = bytearray(seeds[1])
    flipped[-1] ^= 1
    assert with_sound_crcs(bytes(flipped)) not in (bytes(flipped), seeds[1])


@pytest.mark.parametrize("path", FINDINGS, ids=lambda path: path.stem)
def test_finding(path: Path) -> None:
    fuzz.fuzz_one(path.read_bytes())


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert fuzz.main(["--seconds", "0.5", "--findings", str(tmp_path)]) == 0
    assert "streams tried, 0 failed" in capsys.readouterr().out


def test_what_coverage_is_taken_of() -> None:
    """Atheris itself is not needed to see whom it would watch."""
    watched = {f"{function.__module__}.{function.__qualname__}" for function in fuzz._own_functions()}
    parts = ("bitstream.directory.parse", "bitstream.container.Container.read", "entropy.coder.Decoder.decode")
    assert {f"vaecompress.{part}" for part in parts} <= watched
    assert all(name.startswith("vaecompress.") for name in watched)


def test_findings_are_refused_under_default_limits() -> None:
    for path in FINDINGS:
        assert end_of(path.read_bytes(), Limits()) == "CorruptError"
