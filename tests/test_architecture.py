"""The house's picture held against its imports: which layer stands on which, and who may use which package."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = {"vaecompress": "vaecompress", "vaecompress_cli": "cli", "vaecompress_eval": "eval"}
BASE = {"errors", "limits"}
CODING = BASE | {"format", "files", "media", "bitstream", "entropy", "networks", "models", "codec"}
STANDS_ON = {
    "errors": set(),
    "format": set(),
    "limits": {"errors"},
    "files": {"errors"},
    "media": BASE,
    "bitstream": BASE | {"format"},
    "entropy": BASE,
    "networks": BASE,
    "transforms": BASE | {"format", "entropy"},
    "models": BASE | {"format", "files", "entropy", "networks"},
    "codec": BASE | {"format", "files", "media", "bitstream", "entropy", "networks", "models"},
    "export": CODING | {"transforms"},
    "encoder": CODING | {"transforms", "export"},
    "train": CODING | {"transforms", "export", "encoder"},
    "apply": CODING | {"encoder"},
    "arguments": BASE | {"media"},
    "batch": CODING | {"encoder"},
    "research": CODING | {"arguments", "encoder"},
    "videos": CODING | {"arguments", "encoder"},
    "pillow": BASE | {"media", "bitstream"},
    "imageio": BASE | {"bitstream", "files"},
    "": CODING | {"encoder", "arguments", "research", "videos"},
    "__main__": set(),
}
"""Layers of vaecompress, "" its public face, and those each one may import besides itself."""

ROOMS = {
    "vaecompress_cli": {
        "streams": set(),
        "failures": set(),
        "options": set(),
        "console": {"failures", "streams"},
        "jobs": {"console", "options", "streams"},
        "verbs": {"console", "failures", "jobs", "manual", "options"},
        "main": {"failures", "jobs", "streams"},
        "manual": {"main"},
        "__main__": {"main"},
    },
    "vaecompress_eval": {
        "cache_folder": set(),
        "console": set(),
        "measure": set(),
        "peers": {"cache_folder", "console", "measure"},
        "run": {"console", "measure", "peers"},
        "report": {"console", "measure", "peers", "run"},
        "study": {"console", "measure"},
        "trust": set(),
    },
}
"""Rooms of the two packages on top, and those each one may import besides itself; what is not listed may use all."""

MAY_LOOK_AHEAD = {"vaecompress.media.image"}
"""An image's own methods save and convert it: these imports are inside them."""

MAX_FILES = 20
"""Of code in one folder."""

MAY_LOOK_UP = {"__main__"}
"""``python -m vaecompress`` is the command line."""

ENGINES = {"dask", "distributed", "ray"}
MAY_USE_ENGINES = ("batch/engine.py",)
LEARNING = {"jax", "flax", "optax", "onnx", "tensorflow_probability"}
MAY_LEARN = ("train/", "transforms/", "export/", "encoder/gradient_search.py")
MAY_USE_TENSORFLOW = ("train/data/stream.py",)


def modules(package: str) -> list[Path]:
    return sorted((ROOT / FOLDERS[package]).rglob("*.py"))


def imports(path: Path, package: str) -> Iterator[str]:
    """Full names of everything a file imports, at its top or inside its functions."""
    inside = path.relative_to(ROOT / FOLDERS[package]).parent.parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = (package, *inside)[: len(inside) + 2 - node.level] if node.level else ()
            source = ".".join((*base, *filter(None, [node.module])))
            yield from (f"{source}.{alias.name}" for alias in node.names)


def place(path: Path) -> str:
    """A file of vaecompress, relative to the package."""
    return path.relative_to(ROOT / "vaecompress").as_posix()


def layer(name: str) -> str:
    """The layer a module or file of vaecompress belongs to; "" for the package itself."""
    first = name.split("/")[0].removesuffix(".py")
    return "" if first == "__init__" else first


def test_the_walk_sees_imports_of_every_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FOLDERS, "sample", str(tmp_path))
    (tmp_path / "deep").mkdir()
    file = tmp_path / "deep" / "file.py"
    file.write_text("import a.b\nfrom c import d\ndef f():\n    from . import e\n    from ..g import h\n")
    assert list(imports(file, "sample")) == ["a.b", "c.d", "sample.deep.e", "sample.g.h"]


@pytest.mark.parametrize("path", modules("vaecompress"), ids=place)
def test_arrows_run_one_way(path: Path) -> None:
    here = layer(place(path))
    for name in imports(path, "vaecompress"):
        parts = name.split(".")
        if here not in MAY_LOOK_UP:
            assert parts[0] not in ("vaecompress_cli", "vaecompress_eval"), f"{name} stands above"
        known = len(parts) > 1 and parts[0] == "vaecompress" and parts[1] in STANDS_ON
        if known and parts[1] != here:
            assert parts[1] in STANDS_ON[here], f"{here or 'vaecompress'} must not import {name}"


@pytest.mark.parametrize("path", modules("vaecompress"), ids=place)
def test_packages_stay_where_they_have_a_role(path: Path) -> None:
    where = place(path)
    used = {name.split(".")[0] for name in imports(path, "vaecompress")}
    if not where.startswith(MAY_LEARN):
        assert not used & LEARNING
    if where not in MAY_USE_TENSORFLOW:
        assert "tensorflow" not in used
    if where not in MAY_USE_ENGINES:
        assert not used & ENGINES
    if where.startswith("bitstream/"):
        assert used <= {*sys.stdlib_module_names, "vaecompress"}
    if where.startswith("codec/"):
        learned = ("vaecompress.transforms.likelihoods", "vaecompress.transforms.tfp")
        assert not [name for name in imports(path, "vaecompress") if name.startswith(learned)]
    assert "tensorflow_compression" not in used


def command_modules() -> list[str]:
    root = ROOT / FOLDERS["vaecompress_cli"]
    paths = [path.relative_to(root).with_suffix("") for path in modules("vaecompress_cli")]
    return [".".join(("vaecompress_cli", *path.parts)) for path in paths if not path.name.startswith("__")]


INFO = ["vaecompress", "vaecompress.codec.info", "vaecompress_cli.main", "vaecompress_cli.verbs.info"]


@pytest.mark.parametrize("names", [INFO, command_modules()], ids=["info", "commands"])
def test_importing_starts_no_heavy_package(names: list[str]) -> None:
    heavy = LEARNING | {"tensorflow", "tensorflow_compression", "onnxruntime", "skimage", "matplotlib", "numba"}
    heavy |= {"numpy", "PIL", "constriction"} if names == INFO else set()
    check = f"import sys, {', '.join(names)}; print([name for name in {sorted(heavy)} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "path", [path for path in modules("vaecompress") if layer(place(path)) in ("codec", "encoder")]
)
def test_products_of_matrices_heed_the_threads_asked_for(path: Path) -> None:
    """numpy's would take every core: networks/matrix_product.py does not."""
    if place(path) in MAY_LEARN:
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        assert not isinstance(node, ast.MatMult), "a @ b"
        assert not isinstance(node, ast.Attribute) or node.attr not in ("dot", "matmul", "tensordot", "einsum")


@pytest.mark.parametrize("package", ROOMS)
def test_rooms_of_the_packages_on_top_stand_on_one_another(package: str) -> None:
    rooms = ROOMS[package]
    for path in modules(package):
        here = path.relative_to(ROOT / FOLDERS[package]).with_suffix("").parts[0]
        for name in imports(path, package):
            parts = name.split(".")
            if here in rooms and parts[0] == package and len(parts) > 1 and parts[1] != here:
                assert parts[1] in rooms[here], f"{path.relative_to(ROOT)} must not import {name}"


def dotted(path: Path, package: str) -> str:
    """The name by which a file is imported."""
    inside = path.relative_to(ROOT / FOLDERS[package]).with_suffix("")
    return ".".join((package, *inside.parts)).removesuffix(".__init__")


def file_imports() -> dict[str, set[str]]:
    """Every module of the three packages, with the modules it imports."""
    files = {dotted(path, package): (path, package) for package in FOLDERS for path in modules(package)}

    def module_of(name: str) -> str:
        while name and name not in files:
            name = name.rpartition(".")[0]
        return name

    graph = {name: {module_of(each) for each in imports(*where)} - {name, ""} for name, where in files.items()}
    return {name: set() if name in MAY_LOOK_AHEAD else found for name, found in graph.items()}


def test_no_file_imports_itself_through_others() -> None:
    """Files that import nothing that is left are taken away, again and again: those of a circle stay."""
    left = file_imports()
    while free := {name for name, found in left.items() if not found & left.keys()}:
        left = {name: found for name, found in left.items() if name not in free}
    assert not left


def test_no_folder_is_a_lumber_room() -> None:
    folders = [path.parent for package in FOLDERS for path in modules(package)]
    assert {str(folder): folders.count(folder) for folder in folders if folders.count(folder) > MAX_FILES} == {}


def test_docstrings_have_one_dialect() -> None:
    for package in FOLDERS:
        for path in modules(package):
            lines = {line.strip() for line in path.read_text(encoding="utf-8").splitlines()}
            assert not lines & {"Args:", "Raises:", "Returns:", "Yields:", "Attributes:"}, path
