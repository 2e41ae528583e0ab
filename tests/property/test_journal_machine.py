"""Any order of turns, ends, seals, kills and torn writes: the folder agrees with a plain dict."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import AbstractContextManager
from pathlib import Path
from typing import get_args

import msgspec
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from stormproof.domain.episodes import FINAL, Episode, Outcome, Turn
from stormproof.store import (
    Header,
    StorageFormat,
    Store,
    episode_table,
    open_store,
    read_episodes,
    repair,
    turn_table,
)
from stormproof.testing.records import a_trial, an_episode
from stormproof.testing.strategies import turns

HEADER = Header(suite="1", seed=0)
numbers = st.integers(0, 5)


class ResultsFolder(RuleBasedStateMachine):
    """The model: each trial's paid turns, and its episode once it has ended."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp())
        self.folder = self.root / "0"
        self.paid: dict[str, tuple[Turn, ...]] = {}
        self.ended: dict[str, Episode] = {}
        self.generation = 0
        self._portals = start_blocking_portal()
        self.portal: BlockingPortal = self._portals.__enter__()
        self._opened: AbstractContextManager[Store]

    @initialize(form=st.sampled_from(get_args(StorageFormat)), seal_at=st.integers(1, 6))
    def open(self, form: StorageFormat, seal_at: int) -> None:
        self.form, self.seal_at = form, seal_at
        self._opened = self.portal.wrap_async_context_manager(
            open_store(self.folder, HEADER, storage_format=form, seal_at=seal_at, in_batches=True)
        )
        self.store = self._opened.__enter__()
        assert self.store.take_finished() == self.done

    @property
    def done(self) -> set[str]:
        return {t for t, e in self.ended.items() if e.outcome in FINAL}

    @rule(number=numbers, drawn=turns())
    def turn(self, number: int, drawn: Turn) -> None:
        trial_id = a_trial(number).trial_id
        if trial_id in self.done:
            return
        known = self.store.journalled(trial_id)
        turn = msgspec.structs.replace(drawn, index=len(known))
        self.portal.call(self.store.turn, trial_id, turn)
        self.paid[trial_id] = (*known, turn)

    @rule(number=numbers, drawn=turns(), at=st.integers(0, 9))
    def replace(self, number: int, drawn: Turn, at: int) -> None:
        """A later run reads an answer that is paid for in another way."""
        trial_id = a_trial(number).trial_id
        known = self.store.journalled(trial_id)
        if trial_id in self.done or not known:
            return
        before = known[at % len(known)]
        turn = msgspec.structs.replace(drawn, index=before.index, answer=before.answer)
        self.portal.call(self.store.turn, trial_id, turn)
        self.paid[trial_id] = (*known[: turn.index], turn, *known[turn.index + 1 :])

    @rule(number=numbers, outcome=st.sampled_from(get_args(Outcome)), last=st.none() | turns())
    def end(self, number: int, outcome: Outcome, last: Turn | None) -> None:
        trial = a_trial(number)
        if trial.trial_id in self.done:
            return
        paid = self.paid.get(trial.trial_id, ())
        if last is not None:  # a turn that the episode alone brings
            paid = (*paid, msgspec.structs.replace(last, index=len(paid)))
        episode = an_episode(trial, paid, outcome)
        self.portal.call(self.store.episode, episode)
        self.paid[trial.trial_id] = paid
        self.ended[trial.trial_id] = episode

    @rule()
    def seal(self) -> None:
        self.portal.call(self.store.seal)

    @rule(form=st.sampled_from(get_args(StorageFormat)), seal_at=st.integers(1, 6))
    def close_and_open(self, form: StorageFormat, seal_at: int) -> None:
        self._opened.__exit__(None, None, None)
        self.open(form, seal_at)

    @rule(torn=st.binary(max_size=40), zeros=st.integers(0, 9), is_repaired=st.booleans())
    def kill(self, torn: bytes, zeros: int, *, is_repaired: bool) -> None:
        """The folder as it stands is all that the next run finds, and half a line in it."""
        self.generation += 1
        killed = self.root / str(self.generation)
        shutil.copytree(self.folder, killed)
        self._opened.__exit__(None, None, None)
        self.folder = killed
        last = max(killed.glob("journal-*.jsonl"))
        with last.open("ab") as file:
            file.write(torn.replace(b"\n", b"") + bytes(zeros))
        if is_repaired:
            repair(killed)
        self.open(self.form, self.seal_at)

    @invariant()
    def readers_see_every_end_once(self) -> None:
        if not hasattr(self, "store"):
            return
        found = list(read_episodes(self.folder))
        assert len(found) == len(self.ended)
        assert {e.trial.trial_id: e for e in found} == self.ended
        table = episode_table(self.folder)
        assert set(table.column("trial_id").to_pylist()) == set(self.ended)
        assert table.num_rows == len(self.ended)
        counts = sum(len(e.turns) for e in self.ended.values())
        assert turn_table(self.folder).num_rows == counts

    @invariant()
    def the_writer_knows_what_is_paid(self) -> None:
        if not hasattr(self, "store"):
            return
        for trial_id, paid in self.paid.items():
            if trial_id not in self.done:
                assert self.store.journalled(trial_id) == paid

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self._opened.__exit__(None, None, None)
        self._portals.__exit__(None, None, None)
        shutil.rmtree(self.root)


TestResultsFolder = ResultsFolder.TestCase
TestResultsFolder.settings = settings(
    max_examples=25,
    stateful_step_count=25,
    deadline=None,  # disks have moods
    suppress_health_check=[HealthCheck.too_slow],
)
