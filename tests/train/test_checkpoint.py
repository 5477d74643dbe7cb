from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vaecompress.errors import CorruptError, InputError, OutputError

jax = pytest.importorskip("jax", reason="needs jax (the train extra)")
optax = pytest.importorskip("optax", reason="needs optax (the train extra)")

from vaecompress.files import part_of, write_atomically  # noqa: E402
from vaecompress.train import checkpoint  # noqa: E402
from vaecompress.train.checkpoint import latest_step, load_state, load_weights, save_state, save_weights  # noqa: E402

pytestmark = pytest.mark.usefixtures("optax_promotion")

OPTIMISER = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(optax.linear_schedule(0.1, 0.0, 20)))


def fresh() -> dict[str, Any]:
    params = {"layer": {"kernel": jax.numpy.ones((3, 4)), "bias": jax.numpy.zeros(4)}}
    key = jax.random.key_data(jax.random.key(3))
    return {"params": params, "optimiser": OPTIMISER.init(params), "ema": params, "key": key, "step": np.int32(0)}


def advance(state: dict[str, Any]) -> dict[str, Any]:
    key = jax.random.wrap_key_data(state["key"])
    key, noise_key = jax.random.split(key)

    def loss(params: Any) -> Any:
        noise = jax.random.normal(noise_key, (5, 3))
        return ((noise @ params["layer"]["kernel"] + params["layer"]["bias"] - 2.0) ** 2).mean()

    updates, optimiser = OPTIMISER.update(jax.grad(loss)(state["params"]), state["optimiser"])
    params = optax.apply_updates(state["params"], updates)
    ema = jax.tree_util.tree_map(lambda old, new: 0.9 * old + 0.1 * new, state["ema"], params)
    step = state["step"] + np.int32(1)
    return {"params": params, "optimiser": optimiser, "ema": ema, "key": jax.random.key_data(key), "step": step}


def assert_same(a: Any, b: Any) -> None:
    assert jax.tree_util.tree_structure(a) == jax.tree_util.tree_structure(b)
    for x, y in zip(jax.tree_util.tree_leaves(a), jax.tree_util.tree_leaves(b), strict=True):
        assert np.asarray(x).dtype == np.asarray(y).dtype
        assert np.array_equal(x, y)


def test_a_resumed_run_ends_where_an_unbroken_one_does(tmp_path: Path) -> None:
    state = fresh()
    step_once = jax.jit(advance)
    for step in range(10):
        if step == 6:
            save_state(tmp_path, step, state, {"minutes": 1.5})
        state = step_once(state)
    step, resumed, meta = load_state(tmp_path, fresh())
    assert (step, meta) == (6, {"minutes": 1.5})
    for _ in range(step, 10):
        resumed = step_once(resumed)
    assert_same(resumed, state)


def test_the_newest_two_are_kept(tmp_path: Path) -> None:
    assert latest_step(tmp_path) is None
    for step in (1, 20, 300):
        save_state(tmp_path, step, {"step": np.int32(step)}, {})
    assert latest_step(tmp_path) == 300
    names = sorted(path.name for path in tmp_path.iterdir())
    stems = ["checkpoint-00000020", "checkpoint-00000300"]
    assert names == [stem + end for stem in stems for end in (".000.msgpack", ".json")]


def test_large_states_are_cut_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "PART_BYTES", 1000)
    state = {"a": np.arange(700, dtype=np.float32)}
    save_state(tmp_path, 5, state, {})
    sizes = [path.stat().st_size for path in sorted(tmp_path.glob("*.msgpack"))]
    assert sizes[:2] == [1000, 1000]
    assert len(sizes) == 3
    assert_same(load_state(tmp_path, state)[1], state)


def test_a_crash_while_saving_leaves_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_state(tmp_path, 1, {"a": np.array([1, 2], np.float32)}, {})

    def crash_at_the_index(path: Path, data: bytes) -> None:
        if path.suffix == ".json":
            part_of(path).write_bytes(data[:5])
            raise OutputError("disk full")
        write_atomically(path, data)

    monkeypatch.setattr(checkpoint, "write_atomically", crash_at_the_index)
    with pytest.raises(OutputError):
        save_state(tmp_path, 2, {"a": np.array([3, 4], np.float32)}, {})
    step, state, _ = load_state(tmp_path, {"a": np.array([0, 0], np.float32)})
    assert step == 1
    assert state["a"].tolist() == [1, 2]
    monkeypatch.undo()
    save_state(tmp_path, 3, {"a": np.array([5, 6], np.float32)}, {})
    assert not list(tmp_path.glob("*checkpoint-00000002*"))


@pytest.mark.parametrize("damage", ["part", "missing part", "index", "index of another shape"])
def test_damage_is_named(tmp_path: Path, damage: str) -> None:
    state = {"a": np.zeros(100, np.float32)}
    save_state(tmp_path, 1, state, {})
    part, index = tmp_path / "checkpoint-00000001.000.msgpack", tmp_path / "checkpoint-00000001.json"
    if damage == "part":
        part.write_bytes(part.read_bytes()[:-1] + b"\x01")
    elif damage == "missing part":
        part.unlink()
    else:
        index.write_text("{" if damage == "index" else "[1]")
    with pytest.raises(CorruptError, match=r"checkpoint-00000001\.json.*damaged"):
        load_state(tmp_path, state)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"a": np.zeros(5, np.float32)}, r"float32\[4\], expected float32\[5\]"),
        ({"a": np.zeros(4, np.float16)}, r"expected float16\[4\]"),
        ({"a": np.zeros(4, np.float32), "b": np.zeros(1)}, "b.*missing"),
        ({}, "a.*not expected"),
    ],
)
def test_a_state_of_another_model_is_refused(tmp_path: Path, other: dict[str, Any], words: str) -> None:
    save_state(tmp_path, 1, {"a": np.zeros(4, np.float32)}, {})
    with pytest.raises(InputError, match=words):
        load_state(tmp_path, other)


def test_nothing_to_resume(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no checkpoint"):
        load_state(tmp_path, {})


def test_weights_come_back_in_half_precision(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    tree = {
        "plain": {"kernel": random.normal(size=(30, 40)).astype(np.float32), "none": {}},
        "huge": np.array([1.0, 7e4], np.float32),
        "tiny": np.array([1e-6, 3.3e-8], np.float32),
        "zero": np.zeros((2, 2), np.float32),
        "scalar": np.float32(0.5),
        "count": np.arange(3, dtype=np.int32),
        "brain": jax.numpy.ones(3, jax.numpy.bfloat16),
    }
    path = tmp_path / "weights.vcw"
    save_weights(path, tree, {"step": 7, "preset": "tiny"})
    back, meta = load_weights(path)
    assert meta == {"step": 7, "preset": "tiny"}
    assert back["plain"]["kernel"].dtype == np.float32
    assert np.allclose(back["plain"]["kernel"], tree["plain"]["kernel"], rtol=2**-11, atol=1e-7)
    assert back["plain"]["none"] == {}
    for name in ("huge", "tiny", "zero", "scalar", "count"):
        assert np.array_equal(back[name], tree[name])
        assert back[name].dtype == tree[name].dtype
    assert back["brain"].tolist() == [1, 1, 1]
    assert path.stat().st_size < 30 * 40 * 2 + 1000


def test_damaged_weights_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.vcw"
    save_weights(path, {"a": np.ones(9, np.float32)}, {})
    whole = path.read_bytes()
    for position in range(len(whole)):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
        with pytest.raises(CorruptError, match=r"weights\.vcw"):
            load_weights(path)
        path.write_bytes(whole[:position])
        with pytest.raises(CorruptError, match=r"weights\.vcw"):
            load_weights(path)


def test_unreadable_and_unwritable_places(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        load_weights(tmp_path / "absent.vcw")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match="cannot be written"):
        save_weights(tmp_path / "file" / "weights.vcw", {"a": np.ones(1)}, {})
