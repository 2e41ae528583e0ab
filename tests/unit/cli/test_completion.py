"""`stormproof --install-completion`: what each shell is given, and what bash makes of it."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from stormproof.cli.app import COMMANDS
from stormproof.plan import OPTIONS

SCRIPTS = {
    "bash": ".local/share/bash-completion/completions/stormproof",
    "zsh": ".zsh/completions/_cyclopts_stormproof",
    "fish": ".config/fish/completions/stormproof.fish",
}
PAGE = (Path(__file__).parents[3] / "docs" / "configuration.md").read_text()


def installed(shell: str, home: Path) -> Path:
    words = [sys.executable, "-m", "stormproof", "--install-completion", "--shell", shell]
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("ZSH", "XDG"))}
    done = subprocess.run(words, env=environ | {"HOME": str(home)}, capture_output=True, check=True)
    assert str(home / SCRIPTS[shell]) in done.stdout.decode()
    return home / SCRIPTS[shell]


@pytest.mark.parametrize("shell", SCRIPTS)
def test_every_command_and_option_is_in_the_script_that_the_page_names(
    shell: str, tmp_path: Path
) -> None:
    script = installed(shell, tmp_path)
    text = script.read_text()
    assert [name for name in COMMANDS if name not in text] == []
    assert [option.flag for option in OPTIONS if option.flag not in text] == []
    assert f"`~/{SCRIPTS[shell]}`" in PAGE
    if shutil.which(shell):
        assert subprocess.run([shell, "-n", script], check=False).returncode == 0


def test_a_second_time_adds_no_second_line_to_the_start_up_file(tmp_path: Path) -> None:
    installed("bash", tmp_path)
    once = (tmp_path / ".bashrc").read_text()
    installed("bash", tmp_path)
    assert (tmp_path / ".bashrc").read_text() == once


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        (["pl"], "plan"),
        (["run", "--prompt-t"], "--prompt-types"),
        (["run", "--dry-run", "--num"], "--num-instances"),
        (["audit", "--rules", "r"], "recorded"),
    ],
)
def test_bash_completes_commands_flags_and_values(
    typed: list[str], offered: str, tmp_path: Path
) -> None:
    script = installed("bash", tmp_path)
    words = shlex.join(["stormproof", *typed])
    asking = (
        f"source {shlex.quote(str(script))}; COMP_WORDS=({words}); COMP_CWORD={len(typed)}; "
        '_stormproof; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(["bash", "-c", asking], capture_output=True, check=True)
    assert done.stdout.decode().split() == [offered]


def test_no_value_is_asked_for_behind_a_switch(tmp_path: Path) -> None:
    text = installed("fish", tmp_path).read_text()
    switches = [option.flag for option in OPTIONS if option.is_switch]
    assert [flag for flag in switches if f"-l {flag} -r" in text] == []
    assert "-l num-instances -r" in text
