"""Completions and the man page say what the parsers know."""

import shutil
import subprocess
from pathlib import Path

import pytest
from command import run
from vaecompress_cli.main import VERBS
from vaecompress_cli.manual import man_page, shells, whole_parser


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_knows_every_verb_and_its_options(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("completion", shell) == 0
    script = capsys.readouterr().out
    assert shell in shells()
    for word in (*VERBS, "effort", "gop", "manifest", "tensorboard"):
        assert word in script


def completed(script: Path, *words: str) -> list[str]:
    """What bash offers for the last of ``words``."""
    line = f'COMP_WORDS=({" ".join(words)}); COMP_CWORD={len(words) - 1}; _shtab_vaecompress; echo "${{COMPREPLY[@]}}"'
    done = subprocess.run(["bash", "-c", f"source {script}; {line}"], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_bash_completes_verbs_options_and_choices(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if shutil.which("bash") is None:
        pytest.skip("needs bash")
    run("completion", "bash")
    (tmp_path / "script").write_text(capsys.readouterr().out)
    assert completed(tmp_path / "script", "vaecompress", "fr") == ["freeze"]
    assert completed(tmp_path / "script", "vaecompress", "encode", "--eff") == ["--effort"]
    assert completed(tmp_path / "script", "vaecompress", "completion", "z") == ["zsh"]


def test_another_shell_is_wrong_usage() -> None:
    assert run("completion", "cmd") == 2


def test_the_man_page_has_every_verb() -> None:
    pytest.importorskip("argparse_manpage", reason="needs argparse-manpage (the extra test)")
    page = man_page()
    for verb, text in VERBS.items():
        assert f"vaecompress {verb}" in page
        assert text.replace("-", r"\-") in page
    if shutil.which("groff"):
        done = subprocess.run(
            ["groff", "-man", "-Tutf8", "-ww"], input=page, capture_output=True, text=True, check=True
        )
        assert "--effort" in done.stdout.replace("\u2010", "-").replace("\u2212", "-")


def test_no_verb_needs_an_extra_to_show_its_options() -> None:
    actions = whole_parser()._subparsers
    assert actions is not None
    (verbs,) = (action.choices for action in actions._actions if action.dest == "verb" and action.choices)
    assert list(verbs or {}) == list(VERBS)
