"""`stormproof run` in a real terminal: what it shows, and what a terminal that goes away does."""

import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stormproof.store import read_episodes

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")

WORDS = ("run", "--model", "kimi-k2", "--prompt-types", "optimal", "--task-types", "simple_task",
         "--num-instances", "2", "--max-turns", "5", "--results", "r")  # fmt: skip
SOON_S = 60.0


class Terminal:
    """A tmux session of its own server, with a shell in a folder."""

    def __init__(self, folder: Path, width: int = 100) -> None:
        self.folder = folder
        self._tmux = ("tmux", "-S", str(folder / "socket"), "-f", "/dev/null")
        size = ("-x", str(width), "-y", "30")
        self._do("new-session", "-d", *size, "-c", str(folder), "env", "PS1=ready$ ", "sh")

    def type(self, *keys: str) -> None:
        self._do("send-keys", *keys)

    def run(self, *words: str) -> None:
        """Run our command line; its exit code is left in the file `code`."""
        ours = shlex.join([sys.executable, "-m", "stormproof", *words])
        self.type(f"{ours}; echo $? > code", "Enter")

    def shown(self) -> str:
        return self._do("capture-pane", "-p", "-J", "-S", "-200")

    def close(self) -> None:
        """Close the window, as a user would who goes home."""
        subprocess.run([*self._tmux, "kill-server"], check=False, capture_output=True)

    def code(self) -> int:
        wait(lambda: (self.folder / "code").exists() and (self.folder / "code").read_text().strip())
        return int((self.folder / "code").read_text())

    def _do(self, *words: str) -> str:
        done = subprocess.run([*self._tmux, *words], check=True, capture_output=True)
        return done.stdout.decode()


def wait(until: Callable[[], object]) -> None:
    deadline = time.monotonic() + SOON_S
    while not until():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.1)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    opened = Terminal(tmp_path)
    yield opened
    opened.close()


def turns(folder: Path) -> int:
    """Journalled lines so far."""
    return sum(path.read_bytes().count(b"\n") for path in folder.glob("r/journal-*.jsonl"))


def again(folder: Path) -> dict[str, object]:
    """The same command once more, to its end."""
    words = [sys.executable, "-m", "stormproof", *WORDS, "--json"]
    done = subprocess.run(words, cwd=folder, capture_output=True, check=True)
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_it_shows_its_progress_says_what_is_simulated_and_ends_with_a_report(
    terminal: Terminal,
) -> None:
    terminal.run(*WORDS)
    wait(lambda: "SIMULATED" in terminal.shown())
    assert terminal.code() == 0
    printed = terminal.shown()
    assert "kimi-k2" in printed
    assert "stormproof report r" in printed
    assert "\x1b" not in printed


def test_ctrl_c_drains_and_says_how_to_go_on(terminal: Terminal) -> None:
    terminal.type("export STORAGE_FORMAT=json", "Enter")
    terminal.run(*WORDS)
    wait(lambda: turns(terminal.folder) > 1)
    terminal.type("C-c")
    assert terminal.code() == 130
    printed = " ".join(terminal.shown().split())
    assert "interrupted" in printed
    assert "To go on: STORAGE_FORMAT=json stormproof run" in printed
    assert "Traceback" not in printed
    assert again(terminal.folder)["scored"] == 2


def test_a_terminal_that_is_closed_leaves_a_folder_that_resumes(terminal: Terminal) -> None:
    terminal.run(*WORDS)
    wait(lambda: turns(terminal.folder) > 1)
    holder = json.loads((terminal.folder / "r" / "lock").read_text())["pid"]
    kept = turns(terminal.folder)
    terminal.close()
    wait(lambda: not alive(holder))
    assert turns(terminal.folder) + len(list(read_episodes(terminal.folder / "r"))) >= kept
    assert again(terminal.folder)["scored"] == 2


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
