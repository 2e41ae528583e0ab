"""How the interpreter of a process that does nothing but run episodes is set."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

COLLECT_AFTER = (50_000, 20, 50)  # new objects; collections of the young; of the middle-aged
SWITCH_AFTER_S = 0.0005  # between threads that both want to run


@contextmanager
def tuned_interpreter() -> Iterator[None]:
    """Look for cyclic garbage seldom, and let the journal's thread in soon.

    A thousand episodes under way are a large heap, all alive: with usual thresholds half of a
    run's CPU time goes into looking through it, though nearly nothing that a run makes has cycles.
    And each of the journal's writes waits for its turn at the interpreter twice.
    """
    thresholds, interval_s = gc.get_threshold(), sys.getswitchinterval()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)
    sys.setswitchinterval(SWITCH_AFTER_S)
    try:
        yield
    finally:
        sys.setswitchinterval(interval_s)
        gc.set_threshold(*thresholds)
        gc.unfreeze()
