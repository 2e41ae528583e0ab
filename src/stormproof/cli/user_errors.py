"""The one place where errors meet the user: a message, a hint, an exit code, never a traceback."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from collections.abc import Callable
from math import inf
from pathlib import Path

from cyclopts import CycloptsError, UnusedCliTokensError

from stormproof.cli.streams import end_talk, say, silence
from stormproof.errors import StormproofError

EXIT_USAGE = 2
EXIT_SYSTEM = 3
EXIT_BUG = 70
EXIT_INTERRUPTED = 130
EXIT_PIPE = 141
# Bytes of address space. A run and its report were seen to map 2 GiB, and to go on with less.
LEAST_SPACE, AMPLE_SPACE = 2**30, 4 * 2**30


def guarded(command: Callable[[], object]) -> int:
    """Run a command and turn whatever comes out of it into an exit code."""
    _fill_closed_streams()
    space = _space()
    if space < AMPLE_SPACE:
        _tell_of_little_space(space)
    if space < LEAST_SPACE:  # libraries would hang or abort, past all handlers
        return _no_room(MemoryError())
    try:
        return _exit_code(command)
    finally:
        end_talk()  # the live display may have left something that nobody reads


def _exit_code(command: Callable[[], object]) -> int:
    try:
        result = command()
        sys.stdout.flush()
    except StormproofError as error:
        _tell(error.message, error.hint)
        return error.exit_code
    except CycloptsError as error:
        _tell(_one_line(_in_words(error)), "stormproof [COMMAND] --help shows what there is")
        return EXIT_USAGE
    except KeyboardInterrupt:
        say("interrupted; the same command goes on from here")
        return EXIT_INTERRUPTED
    except OSError as error:
        return _system(error)
    except SystemExit as ended:  # cyclopts' own commands and rich's console, which --help prints to
        result = _ended(ended)
    except Exception as error:  # noqa: BLE001  the last line of defence
        return _no_room(error) if _is_limit(error) else _bug(error)
    return result if isinstance(result, int) else 0


def _fill_closed_streams() -> None:
    """`>&-`: without this, the next file opened would take the stream's number, and its output."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            mode = "r" if name == "stdin" else "w"
            stream = Path(os.devnull).open(mode, encoding="utf-8")  # noqa: SIM115  for good
            setattr(sys, name, stream)


def _space() -> float:
    """Bytes of address space that this process may map."""
    try:
        import resource  # noqa: PLC0415  not on every system
    except ImportError:
        return inf
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    return inf if limit == resource.RLIM_INFINITY else limit


def _tell_of_little_space(space: float) -> None:
    say(
        f"hint: this process may map only {int(space) >> 20} MiB (ulimit -v); below "
        f"{AMPLE_SPACE >> 20} a library may end it without a word: then raise the limit, and the "
        "same command goes on from here"
    )


def _system(error: OSError) -> int:
    """What the system would not do, as it says it: a full disk, a closed file, no permission."""
    if error.errno is None:
        return _bug(error)
    if isinstance(error, BrokenPipeError):  # `stormproof plan | head`: the reader has seen enough
        silence(sys.stdout)
        return EXIT_PIPE
    where = f": {_one_line(str(error.filename))}" if error.filename else " (standard output)"
    _tell(
        f"{error.strerror or type(error).__name__}{where}",
        "once this is mended, the same command goes on from here",
    )
    if error.filename is None:
        silence(sys.stdout)
    return EXIT_SYSTEM


_LIMITS = ("can't start new thread", "cannot allocate memory", "failed to map segment")


def _is_limit(error: Exception) -> bool:
    """Whether the system gave no memory or no thread: Python and loaders say it in their words."""
    return isinstance(error, MemoryError) or any(w in str(error).lower() for w in _LIMITS)


def _no_room(error: Exception) -> int:
    what, flag = ("threads", "u") if "thread" in str(error) else ("memory", "v")
    _tell(
        f"the system gives this process no more {what}",
        f"raise the limit (ulimit -{flag} shows it); then the same command goes on from here",
    )
    return EXIT_SYSTEM


def _ended(ended: SystemExit) -> int:
    """What a library ended the process for: its own exit code, or a reader that is gone."""
    if isinstance(ended.__context__, BrokenPipeError):
        return _system(ended.__context__)
    return ended.code if isinstance(ended.code, int) else 0


def _tell(message: str, hint: str) -> None:
    say("\n".join(f"error: {line}" for line in message.splitlines() or [""]))
    if hint:
        say(f"hint: {hint}")


def _in_words(error: CycloptsError) -> str:
    if isinstance(error, UnusedCliTokensError):
        return f"not understood: {' '.join(error.unused_tokens or ())}"
    return str(error)


def _one_line(text: str) -> str:
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in " ".join(text.split()))


def _bug(error: Exception) -> int:
    """One line for the user; the traceback goes to a file that only they can read.

    The error's own text stays out of the line: it may hold anything, also a secret.
    """
    where = traceback.extract_tb(error.__traceback__)[-1]
    name = Path(where.filename).name
    say(f"error: {type(error).__name__} in {name}:{where.lineno}; this is a bug in Stormproof")
    say(f"hint: details are in {_crash_file(error)}; please report them")
    return EXIT_BUG


def _crash_file(error: Exception) -> str:
    """Write frames without source values: file, line, function, and the types along the chain."""
    with tempfile.NamedTemporaryFile(
        "w", prefix="stormproof-crash-", suffix=".txt", delete=False, encoding="utf-8"
    ) as file:
        file.writelines(traceback.format_tb(error.__traceback__))
        file.write(f"{type(error).__module__}.{type(error).__qualname__}\n")
    return file.name
