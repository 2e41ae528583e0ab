import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from stormproof.cli.user_errors import EXIT_BUG, EXIT_INTERRUPTED, EXIT_PIPE, guarded
from stormproof.errors import PlanError, StoreLocked, StormproofError, SuiteError


def raising(error: BaseException) -> Callable[[], object]:
    def call() -> None:
        raise error

    return call


@pytest.mark.parametrize(("kind", "code"), [(PlanError, 2), (StoreLocked, 3), (SuiteError, 70)])
def test_an_error_of_ours_is_lines_a_hint_and_its_exit_code(
    kind: type[StormproofError], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert guarded(raising(kind("a\nb", hint="c"))) == code
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == "error: a\nerror: b\nhint: c\n"


def test_a_bug_shows_no_traceback_and_none_of_its_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(raising(ValueError("sk-secret"))) == EXIT_BUG
    printed = capsys.readouterr().err
    assert "Traceback" not in printed
    assert "sk-secret" not in printed
    text = Path(printed.split("details are in ")[-1].split(";")[0]).read_text()
    assert "in call" in text
    assert "sk-secret" not in text


@pytest.mark.parametrize(
    ("redirect", "code", "printed"),
    [
        (">/dev/full", 3, "error: No space left on device (standard output)\nhint: "),
        (">&-", 0, ""),
        ("<&- >&- 2>&-", 0, ""),
    ],
)
def test_output_that_nothing_takes(redirect: str, code: int, printed: str, tmp_path: Path) -> None:
    ours = shlex.join([sys.executable, "-m", "stormproof", "tools"])
    words = ["sh", "-c", f"{ours} {redirect}"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == code
    assert done.stderr.decode().startswith(printed)
    assert len(done.stderr.splitlines()) == (2 if printed else 0)


@pytest.mark.parametrize("words", ["plan", "plan --json", "tools", "--help", "run --help"])
def test_a_reader_that_has_seen_enough_ends_it_without_a_word(words: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)  # as `| head` leaves it
    ours = [sys.executable, "-m", "stormproof", *words.split()]
    done = subprocess.run(ours, stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (EXIT_PIPE, b"")


@pytest.mark.parametrize("redirect", ["2>/dev/full", "2>&-"])
def test_talk_that_nobody_hears_changes_no_exit_code(redirect: str, tmp_path: Path) -> None:
    ours = shlex.join([sys.executable, "-m", "stormproof", "plan", "--model", "nope"])
    words = ["sh", "-c", f"{ours} {redirect}"]
    assert subprocess.run(words, cwd=tmp_path, capture_output=True, check=False).returncode == 2


@pytest.mark.parametrize(
    ("error", "what"),
    [
        (MemoryError(), "memory"),
        (ImportError("lib.so: failed to map segment from shared object"), "memory"),
        (RuntimeError("can't start new thread"), "threads"),
    ],
)
def test_a_limit_of_the_system_is_no_bug(
    error: Exception, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert guarded(raising(error)) == 3
    told = capsys.readouterr().err
    assert told.startswith(f"error: the system gives this process no more {what}\nhint: raise the")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="ulimit -v is Linux's")
@pytest.mark.parametrize("limit_mb", [200, 1000])
def test_a_run_in_little_address_space_ends_in_words(tmp_path: Path, limit_mb: int) -> None:
    ours = shlex.join([sys.executable, "-m", "stormproof", "run", "--num-instances", "1"])
    words = ["sh", "-c", f"ulimit -v {limit_mb * 1024}; {ours}"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 3
    assert b"Traceback" not in done.stderr
    assert b"error: the system gives this process no more " in done.stderr
    assert b"hint: this process may map only %d MiB (ulimit -v)" % limit_mb in done.stderr


def test_an_interrupt_says_how_to_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(raising(KeyboardInterrupt())) == EXIT_INTERRUPTED
    assert "goes on from here" in capsys.readouterr().err


def test_a_command_s_number_is_the_exit_code() -> None:
    assert guarded(lambda: 4) == 4
    assert guarded(lambda: None) == 0


UNHEARD = """
import sys
from stormproof.cli.user_errors import guarded
sys.exit(guarded(lambda: sys.stderr.write("half a line") and None))
"""


def test_talk_left_over_that_nobody_reads_does_not_change_the_exit_code() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    buffered = {name: os.environ[name] for name in os.environ if name != "PYTHONUNBUFFERED"}
    ended = subprocess.run(
        [sys.executable, "-c", UNHEARD], stderr=writer, env=buffered, check=False
    )
    os.close(writer)
    assert ended.returncode == 0
