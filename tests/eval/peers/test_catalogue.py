"""Every peer that is installed really codes pictures; those that are not say how to get them."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from stand_ins import natural

pytest.importorskip("skimage", reason="the evaluation needs scikit-image: pip install 'vaecompress[eval]'")

from vaecompress_eval.measure.metrics import psnr
from vaecompress_eval.peers.catalogue import FAMILIES, PEERS, find_peers
from vaecompress_eval.peers.own import OwnPeer

from vaecompress.errors import CorruptError, InputError, UsageError

OTHERS = [peer for peer in PEERS.values() if not isinstance(peer, OwnPeer)]
UNTRAINED = [peer for peer in OTHERS if peer.name != "tfc-hyperprior"]
"""Those that code alike everywhere; the weights of the other one are whatever lies in the user's cache folder."""


@pytest.mark.parametrize("peer", UNTRAINED, ids=lambda peer: peer.name)
def test_a_peer_codes_a_picture_and_its_dial_turns_the_right_way(peer) -> None:
    if command := peer.missing():
        pytest.skip(f"{peer.name} is not installed: {command}")
    picture = natural(90, 70)
    lengths, qualities = [], []
    for setting in peer.settings[:: len(peer.settings) // 3]:
        data = peer.encode(picture, setting)
        decoded = peer.decode(data)
        assert decoded.shape == picture.shape
        assert decoded.dtype == np.uint8
        lengths.append(len(data))
        qualities.append(psnr(picture, decoded))
    assert lengths == sorted(lengths)
    assert qualities == sorted(qualities)
    assert qualities[-1] > 30
    assert peer.version()


@pytest.mark.parametrize("peer", OTHERS, ids=lambda peer: peer.name)
def test_a_missing_peer_names_a_command(peer, monkeypatch) -> None:
    monkeypatch.setattr("PIL.features.check", lambda name: False)
    for module in ("pillow", "jpeg", "pyav", "tfc"):
        monkeypatch.setattr(f"vaecompress_eval.peers.{module}.find_spec", lambda name: None)
    assert peer.missing().startswith("pip install ")


def test_families_hold_known_peers() -> None:
    assert {member for family in FAMILIES.values() for member in family} <= set(PEERS)


def test_peers_are_found_once_each_in_order() -> None:
    names = [peer.name for peer in find_peers(["webp", "jpeg", "jpeg-444"])]
    assert names == ["webp", "jpeg-444", "jpeg-420", "jpegli"]


def test_an_unknown_peer_is_refused_with_the_choice() -> None:
    with pytest.raises(UsageError, match=r"unknown peer bogus: choose from .*webp"):
        find_peers(["webp", "bogus"])


def test_x265_counts_little_beyond_the_picture() -> None:
    """A flat picture shows the constant cost: parameter sets and no banner."""
    peer = PEERS["x265-444"]
    if command := peer.missing():
        pytest.skip(f"x265 is not installed: {command}")
    assert len(peer.encode(np.full((64, 64, 3), 128, np.uint8), 40)) < 130


def test_a_model_file_is_a_peer_by_its_path(tiny_model_path: Path) -> None:
    (peer,) = find_peers([str(tiny_model_path)])
    assert peer.name == str(tiny_model_path)
    assert peer.version() != OwnPeer().version()


def test_a_longer_search_is_a_peer_of_its_own(tiny_model_path: Path) -> None:
    short, default, long = find_peers([f"{tiny_model_path}@1", str(tiny_model_path), f"{tiny_model_path}@5"])
    assert "effort 1," in short.description
    assert "effort 3," in default.description
    picture = natural(96, 112)
    files = [peer.encode(picture, 60) for peer in (short, default, long)]
    assert len(set(files)) == 3
    assert len(files[2]) < len(files[0])
    assert np.array_equal(long.decode(files[1]), default.decode(files[1]))


@pytest.mark.parametrize("name", ["webp@5", "vaecompress@10", "@5"])
def test_a_search_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match=f"unknown peer {name}: choose from"):
        find_peers([name])


def test_a_search_with_gradients_names_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vaecompress_eval.peers.own.find_spec", lambda name: None)
    gradients, rounds = find_peers(["vaecompress@6", "vaecompress@5"])
    assert gradients.missing() == "pip install 'vaecompress[train]'"
    assert rounds.missing() is None


def test_a_file_that_is_no_model_is_refused_before_anything_runs(tmp_path: Path) -> None:
    path = tmp_path / "mine.vcm"
    with pytest.raises(InputError, match=r"mine\.vcm: cannot read the model file"):
        find_peers([str(path)])
    path.write_bytes(b"one")
    with pytest.raises(CorruptError, match=r"mine\.vcm: model file"):
        find_peers([str(path)])


def test_our_files_are_little_larger_than_the_entropy_estimate(tiny_model_path: Path) -> None:
    (peer,) = find_peers([str(tiny_model_path)])
    assert isinstance(peer, OwnPeer)
    picture = natural(160, 192)
    file_bits, ideal_bits = 8 * len(peer.encode(picture, 90)), peer.ideal_bits(picture, 90)
    assert 0 < file_bits - ideal_bits < 8 * 120 + 0.01 * ideal_bits


def test_the_version_changes_with_every_file_of_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import vaecompress

    package = tmp_path / "vaecompress"
    shutil.copytree(Path(vaecompress.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(vaecompress, "__file__", str(package / "__init__.py"))
    versions = {OwnPeer().version()}
    sources = sorted(package.rglob("*.py"))
    for path in (next(path for path in sources if path.parent.name == folder) for folder in ("train", "transforms")):
        path.write_bytes(path.read_bytes() + b"# changed")
        versions.add(OwnPeer().version())
    assert len(versions) == 3


def test_models_are_measured_of_networks_only_and_all_tools_have_a_name() -> None:
    models, tools = find_peers(["vaecompress", "vaecompress-tools"])
    assert "tools learned" in models.description
    assert "tools all" in tools.description
    board = np.repeat(np.add.outer(np.arange(64), np.arange(64))[:, :, None] % 2 * 255, 3, axis=2).astype(np.uint8)
    file = tools.encode(board, 60)
    with pytest.warns(UserWarning, match="below what quality 60 usually gives"):
        assert len(file) < len(models.encode(board, 60))
    assert np.array_equal(tools.decode(file), board)
