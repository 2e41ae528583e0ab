from __future__ import annotations

import gc
import json
import multiprocessing
import os
import shutil
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import get_args

import anyio
import anyio.lowlevel
import pyarrow.compute as pc
import pytest
from msgspec.structs import replace

from stormproof.domain.calls import Usage
from stormproof.domain.episodes import Turn
from stormproof.errors import PlanMismatch, StoreError, StoreLocked
from stormproof.store import (
    Header,
    StorageFormat,
    Store,
    episode_table,
    journal,
    open_store,
    read_episodes,
    repair,
    same_records,
    turn_table,
)
from stormproof.store.part_listing import list_parts
from stormproof.store.parts import read_rows
from stormproof.store.record_lines import turn_record
from stormproof.testing.records import a_trial, a_turn, an_episode

pytestmark = pytest.mark.anyio
HEADER = Header(suite="1", seed=0)
FORMATS = pytest.mark.parametrize("form", get_args(StorageFormat))


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def run_trial(store: Store, number: int, turns: int = 3, outcome: str = "completed") -> None:
    trial = a_trial(number)
    made = tuple(a_turn(index) for index in range(turns))
    for turn in made:
        await store.turn(trial.trial_id, turn)
    await store.episode(an_episode(trial, made, outcome))  # type: ignore[arg-type]  # a parameter


def files(folder: Path, pattern: str = "*") -> list[Path]:
    return sorted(folder.glob(pattern))


def indices(turns: Sequence[Turn]) -> list[int]:
    return [turn.index for turn in turns]


async def test_what_is_stored_is_read_as_it_was(tmp_path: Path) -> None:
    episode = an_episode(a_trial(), [a_turn(0), a_turn(1)])
    async with open_store(tmp_path / "r", HEADER) as store:
        await store.turn(episode.trial.trial_id, a_turn(0))
        await store.turn(episode.trial.trial_id, a_turn(1))
        assert list(read_episodes(tmp_path / "r")) == []
        await store.episode(episode)
        assert list(read_episodes(tmp_path / "r")) == [episode]
    assert list(read_episodes(tmp_path / "r")) == [episode]


@FORMATS
async def test_many_at_once_over_several_seals(tmp_path: Path, form: StorageFormat) -> None:
    async def run_every_sixth(store: Store, first: int) -> None:
        for number in range(first, 60, 6):
            await run_trial(store, number)

    async with (
        open_store(tmp_path, HEADER, storage_format=form, seal_at=10) as store,
        anyio.create_task_group() as tasks,
    ):
        for first in range(6):
            tasks.start_soon(run_every_sixth, store, first)
    found = {e.trial: e for e in read_episodes(tmp_path)}
    assert len(files(tmp_path / "episodes")) > 2
    assert found == {
        a_trial(n): an_episode(a_trial(n), [a_turn(i) for i in range(3)]) for n in range(60)
    }


async def test_a_trial_is_known_at_every_moment_of_a_seal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, lost = a_trial(0).trial_id, a_trial(1)
    seen: list[tuple[int, int]] = []

    def watched(step: Callable[..., object]) -> Callable[..., object]:
        def look_and_do(*arguments: object, **named: object) -> object:
            seen.append((len(store.journalled(begun)), len(store.journalled(lost.trial_id))))
            return step(*arguments, **named)

        return look_and_do

    async with open_store(tmp_path, HEADER) as store:
        for index in range(3):
            await store.turn(begun, a_turn(index))
        await store.episode(an_episode(lost, [a_turn(0), a_turn(1)], "infrastructure"))
        with monkeypatch.context() as patch:
            for owner, name in (
                (os, "fsync"), (journal, "scan"), (journal, "read_lines"),
                (Path, "rename"), (Path, "unlink"), (journal.Log, "add"),
            ):  # fmt: skip
                patch.setattr(owner, name, watched(getattr(owner, name)))
            await store.seal()
        assert set(seen) == {(3, 2)}


@FORMATS
async def test_what_a_filter_ended_is_final_without_a_score(
    tmp_path: Path, form: StorageFormat
) -> None:
    blocked, lost = a_trial(0), a_trial(1)
    async with open_store(tmp_path, HEADER, storage_format=form) as store:
        await store.episode(an_episode(lost, [a_turn(0)], "blocked"))
        await store.episode(an_episode(blocked, [a_turn(0)], "infrastructure"))
        await store.episode(an_episode(blocked, [a_turn(0)], "blocked"))
        await store.episode(an_episode(lost, [a_turn(0)], "infrastructure"))
        assert store.journalled(lost.trial_id) == (a_turn(0),)
    for _ in range(2):  # from a part, both times
        async with open_store(tmp_path, HEADER, storage_format=form) as store:
            assert store.blocked == {blocked.trial_id}
            assert store.take_finished() == {blocked.trial_id}


@FORMATS
async def test_resume_gives_paid_turns_back(tmp_path: Path, form: StorageFormat) -> None:
    ids = [a_trial(n).trial_id for n in range(4)]
    for _ in range(2):  # the second time from a folder that was sealed in between
        async with open_store(tmp_path, HEADER, storage_format=form) as store:
            finished = store.take_finished()
            for number in (0, 1):
                if ids[number] not in finished:
                    await run_trial(store, number)
            if not store.journalled(ids[2]):
                await store.turn(ids[2], a_turn(0))
                await store.turn(ids[2], a_turn(1))
        async with open_store(tmp_path, HEADER, storage_format=form) as store:
            assert store.take_finished() == set(ids[:2])
            assert store.journalled(ids[2]) == (a_turn(0), a_turn(1))
            assert store.journalled(ids[3]) == ()


@FORMATS
async def test_infrastructure_is_kept_and_run_again(tmp_path: Path, form: StorageFormat) -> None:
    trial = a_trial()
    async with open_store(tmp_path, HEADER, storage_format=form) as store:
        await run_trial(store, 0, turns=2, outcome="infrastructure")
        await run_trial(store, 1)
    assert [e.outcome for e in read_episodes(tmp_path, [trial.trial_id])] == ["infrastructure"]
    async with open_store(tmp_path, HEADER, storage_format=form) as store:
        assert trial.trial_id not in store.take_finished()
        assert indices(store.journalled(trial.trial_id)) == [0, 1]
        await store.turn(trial.trial_id, a_turn(2))
        assert indices(store.journalled(trial.trial_id)) == [0, 1, 2]
        assert len(list(read_episodes(tmp_path))) == 2
    async with open_store(tmp_path, HEADER, storage_format=form) as store:
        assert indices(store.journalled(trial.trial_id)) == [0, 1, 2]
        whole = an_episode(trial, [a_turn(i) for i in range(4)])
        await store.episode(whole)  # turn 3 had not been journalled on its own
    assert list(read_episodes(tmp_path, [trial.trial_id])) == [whole]
    assert len(list(read_episodes(tmp_path))) == 2


async def test_infrastructure_is_resumed_within_one_run_too(tmp_path: Path) -> None:
    async with open_store(tmp_path, HEADER) as store:
        await run_trial(store, 0, turns=2, outcome="infrastructure")
        assert indices(store.journalled(a_trial(0).trial_id)) == [0, 1]
        await store.seal()
        assert indices(store.journalled(a_trial(0).trial_id)) == [0, 1]


async def test_unfinished_turns_survive_seals(tmp_path: Path) -> None:
    async with open_store(tmp_path, HEADER) as store:
        for index in range(3):
            await store.turn(a_trial(9).trial_id, a_turn(index))
            await run_trial(store, index)
            await store.seal()
        assert indices(store.journalled(a_trial(9).trial_id)) == [0, 1, 2]
    assert len(files(tmp_path, "journal-*")) == 1


async def test_what_has_ended_takes_no_memory(tmp_path: Path) -> None:
    async with open_store(tmp_path, HEADER, storage_format="json") as store:

        async def held_after(hundred: int) -> int:
            async with anyio.create_task_group() as tasks:
                for number in range(100 * hundred, 100 * (hundred + 1)):
                    tasks.start_soon(store.episode, an_episode(a_trial(number), [a_turn(0)]))
            await store.seal()
            gc.collect()
            return tracemalloc.get_traced_memory()[0]

        with tracing():
            held = [await held_after(hundred) for hundred in range(8)]
        assert (held[-1] - held[1]) / 600 < 20


@contextmanager
def tracing() -> Iterator[None]:
    tracemalloc.start()
    yield
    tracemalloc.stop()


@FORMATS
@pytest.mark.parametrize("outcome", [None, "infrastructure"])
@pytest.mark.parametrize("is_sealed", [False, True])
@pytest.mark.parametrize("index", range(3))
async def test_a_turn_takes_the_place_of_its_number(
    tmp_path: Path, form: StorageFormat, outcome: str | None, index: int, *, is_sealed: bool
) -> None:
    """Whether a run had ended the trial or not, and wherever its turns lie by then."""
    trial, anew = a_trial(), a_turn(index, query="anew")
    turns = [a_turn(i) for i in range(3)]
    wanted = (*turns[:index], anew, *turns[index + 1 :])
    async with open_store(tmp_path, HEADER, storage_format=form) as store:
        for turn in turns:
            await store.turn(trial.trial_id, turn)
        if outcome:
            await store.episode(an_episode(trial, turns, "infrastructure"))
        if is_sealed:
            await run_trial(store, 1)
            await store.seal()
        await store.turn(trial.trial_id, anew)
        assert store.journalled(trial.trial_id) == wanted
    before = [an_episode(trial, turns, "infrastructure")] if outcome else []
    assert list(read_episodes(tmp_path, [trial.trial_id])) == before  # its end stands until the new
    async with open_store(tmp_path, HEADER, storage_format=form) as store:
        assert store.journalled(trial.trial_id) == wanted
        await store.turn(trial.trial_id, a_turn(3))
        whole = an_episode(trial, [*wanted, a_turn(3)])
        await store.episode(whole)
        assert list(read_episodes(tmp_path, [trial.trial_id])) == [whole]
    assert repair(tmp_path) == ()
    assert list(read_episodes(tmp_path, [trial.trial_id])) == [whole]
    newest = max((tmp_path / "turns").iterdir())
    (part,) = (p for p in list_parts(tmp_path) if p.turns == newest)
    assert [r.turns for n, r in read_rows(part) if n.trial_id == trial.trial_id] == [
        tuple(turn_record(trial.trial_id, turn) for turn in whole.turns)
    ]
    numbers = turn_table(tmp_path).filter(pc.field("trial_id") == trial.trial_id)
    assert numbers.column("index").to_pylist() == [0, 1, 2, 3]


async def test_a_replaced_turn_may_be_the_last(tmp_path: Path) -> None:
    trial, whole = a_trial(), an_episode(a_trial(), [a_turn(0), a_turn(1, query="anew")])
    async with open_store(tmp_path, HEADER) as store:
        for turn in (a_turn(0), a_turn(1), a_turn(2), a_turn(1, query="anew")):
            await store.turn(trial.trial_id, turn)
        await store.episode(whole)
    assert list(read_episodes(tmp_path)) == [whole]


async def test_a_journal_cut_between_carried_turns_loses_none(tmp_path: Path) -> None:
    """A sealed trial's turns are written again with the first replaced one; here half of them."""
    trial_id = a_trial().trial_id
    async with open_store(tmp_path, HEADER) as store:
        await run_trial(store, 0, turns=4, outcome="infrastructure")
    async with open_store(tmp_path, HEADER) as store:
        await store.turn(trial_id, a_turn(0, query="anew"))
    (journal,) = files(tmp_path, "journal-*")
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:3]))
    async with open_store(tmp_path, HEADER) as store:
        assert store.journalled(trial_id) == (a_turn(0, query="anew"), *map(a_turn, range(1, 4)))
        await store.turn(trial_id, a_turn(4))
    async with open_store(tmp_path, HEADER) as store:
        assert indices(store.journalled(trial_id)) == [0, 1, 2, 3, 4]


async def test_a_journal_cut_behind_a_replaced_turn_keeps_the_later_ones(tmp_path: Path) -> None:
    trial_id, anew = a_trial().trial_id, a_turn(0, query="anew")
    async with open_store(tmp_path / "r", HEADER) as store:
        for turn in (*map(a_turn, range(4)), anew):
            await store.turn(trial_id, turn)
    lines = (tmp_path / "r" / "journal-000001.jsonl").read_bytes().splitlines(keepends=True)
    for count, first in ((5, a_turn(0)), (6, anew), (7, anew), (8, anew), (9, anew)):
        folder = tmp_path / str(count)
        shutil.copytree(tmp_path / "r", folder)
        (folder / "journal-000001.jsonl").write_bytes(b"".join(lines[:count]))
        async with open_store(folder, HEADER) as store:
            assert store.journalled(trial_id) == (first, *map(a_turn, range(1, 4)))
    assert len(lines) == 9


async def test_a_turn_without_its_predecessor_is_refused(tmp_path: Path) -> None:
    async with open_store(tmp_path, HEADER) as store:
        await store.turn(a_trial().trial_id, a_turn(0))
        with pytest.raises(StoreError, match=r"turn 2 of trial .* turn 1 has not been"):
            await store.turn(a_trial().trial_id, a_turn(2))
        assert indices(store.journalled(a_trial().trial_id)) == [0]


async def test_odd_text_survives(tmp_path: Path) -> None:
    texts = ["half a pair \ud83d", "line\nbreak\u2028\x00", "<\U0001f600>", ""]
    turns = tuple(a_turn(i, text=text) for i, text in enumerate(texts))
    for form in get_args(StorageFormat):
        async with open_store(tmp_path / form, HEADER, storage_format=form) as store:
            await store.turn(a_trial(1).trial_id, turns[0])
            await store.episode(an_episode(a_trial(), turns))
            assert store.journalled(a_trial(1).trial_id) == turns[:1]
        assert [e.turns for e in read_episodes(tmp_path / form)] == [turns]


@FORMATS
async def test_odd_values_are_kept_whole_and_seal(tmp_path: Path, form: StorageFormat) -> None:
    turn = a_turn(0, endpoint_id="half \ud83d")
    reply = replace(turn.answer.reply, usage=Usage(10**30, -(10**30)), served_model="\ud83d")
    odd = replace(turn, answer=replace(turn.answer, reply=reply))
    episode = an_episode(a_trial(), [odd])
    for folder in (tmp_path / "a", tmp_path / "b"):
        async with open_store(folder, HEADER, storage_format=form) as store:
            await store.episode(replace(episode, error="half \ud83d"))
            assert episode_table(folder).num_rows == turn_table(folder).num_rows == 1
        assert [e.turns for e in read_episodes(folder)] == [(odd,)]
        (row,) = episode_table(folder).to_pylist()
        assert (row["prompt_tokens"], row["endpoints"]) == (None, ["half ?"])
    assert same_records(tmp_path / "a", tmp_path / "b") == []


async def test_a_failed_seal_stops_the_store_and_loses_nothing(tmp_path: Path) -> None:
    async def run_and_fail() -> None:
        async with open_store(tmp_path, HEADER) as store:
            await run_trial(store, 0)
            (tmp_path / "episodes").write_text("in the way")
            with pytest.raises(StoreError, match="cannot write"):
                await store.seal()
            with pytest.raises(StoreError, match="cannot write"):
                await run_trial(store, 1)
            assert indices(store.journalled(a_trial(0).trial_id)) == [0, 1, 2]

    with pytest.raises(StoreError):
        await run_and_fail()
    (tmp_path / "episodes").unlink()
    async with open_store(tmp_path, HEADER) as store:
        assert store.take_finished() == {a_trial(0).trial_id}
    assert len(list(read_episodes(tmp_path))) == 1


async def test_a_failed_run_keeps_its_journal(tmp_path: Path) -> None:
    async def fail() -> None:
        async with open_store(tmp_path, HEADER) as store:
            await run_trial(store, 0)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert len(list(read_episodes(tmp_path))) == 1
    async with open_store(tmp_path, HEADER) as store:
        assert len(store.take_finished()) == 1


async def test_a_cancelled_waiter_harms_nobody(tmp_path: Path) -> None:
    async with open_store(tmp_path, HEADER) as store:
        async with anyio.create_task_group() as tasks:
            for number in range(30):
                tasks.start_soon(run_trial, store, number)
            await anyio.sleep(0.003)
            tasks.cancel_scope.cancel()
        await run_trial(store, 99)
    whole = tuple(a_turn(i) for i in range(3))
    found = {e.trial: e.turns for e in read_episodes(tmp_path)}
    assert a_trial(99) in found
    assert all(turns == whole for turns in found.values())


async def test_paid_turns_of_cancelled_waiters_are_kept(tmp_path: Path) -> None:
    async def begin_and_cancel() -> None:
        async with open_store(tmp_path, HEADER) as store, anyio.create_task_group() as tasks:
            for number in range(120):
                tasks.start_soon(store.turn, a_trial(number).trial_id, a_turn(0))
            await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()
            raise ZeroDivisionError

    with pytest.raises(ExceptionGroup):
        await begin_and_cancel()
    async with open_store(tmp_path, HEADER) as store:
        kept = sum(bool(store.journalled(a_trial(number).trial_id)) for number in range(120))
    assert kept == 120


async def test_foreign_files_are_let_be(tmp_path: Path) -> None:
    names = ["journal-1.jsonl", "journal-x.jsonl", "notes.txt", "journal-000001.jsonl~"]
    for name in names:
        (tmp_path / name).write_text("mine")
    async with open_store(tmp_path, HEADER) as store:
        await run_trial(store, 0)
    assert len(list(read_episodes(tmp_path))) == 1
    assert [(tmp_path / name).read_text() for name in names] == ["mine"] * 4


async def test_another_plan_is_refused(tmp_path: Path) -> None:
    async with open_store(tmp_path, HEADER):
        pass
    for other, reason in (
        (Header(suite="1", seed=7), "seed is 0 in the folder and 7 now"),
        (Header(suite="2", seed=0), "suite version is '1'"),
        (Header(suite="1", seed=0, simulated=True), "simulated is False"),
    ):
        with pytest.raises(PlanMismatch, match=reason) as raised:
            async with open_store(tmp_path, other):
                pass
        assert "--results" in raised.value.hint
    async with open_store(tmp_path, Header(suite="1", seed=0, created_at=-1.0, stormproof="9")):
        pass


async def test_a_second_writer_is_refused_and_hears_who(tmp_path: Path) -> None:
    async with open_store(tmp_path, HEADER) as store:
        await run_trial(store, 0)
        pid = multiprocessing.current_process().pid
        with pytest.raises(StoreLocked, match=f"in use by process {pid} on "):
            async with open_store(tmp_path, HEADER):
                pass
        await run_trial(store, 1)
    async with open_store(tmp_path, HEADER) as store:
        assert len(store.take_finished()) == 2


async def test_a_dead_process_blocks_nobody(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text('{"pid":1,"host":"elsewhere","started":"5"}')
    async with open_store(tmp_path, HEADER):
        assert json.loads((tmp_path / "lock").read_text())["host"] != "elsewhere"


async def test_a_vanished_folder_is_one_clear_error(tmp_path: Path) -> None:
    folder = tmp_path / "r"

    async def run_and_lose() -> None:
        async with open_store(folder, HEADER) as store:
            await run_trial(store, 0)
            folder.rename(tmp_path / "away")
            await store.turn(a_trial(1).trial_id, a_turn(0))

    with pytest.raises(StoreError, match="moved or deleted"):
        await run_and_lose()
    assert len(list(read_episodes(tmp_path / "away"))) == 1


async def test_after_a_failure_nothing_is_accepted(tmp_path: Path) -> None:
    said: list[str] = []

    async def attempt(store: Store, number: int) -> None:
        with pytest.raises(StoreError) as raised:
            await run_trial(store, number)
        said.append(raised.value.message)

    async def run_and_lose() -> None:
        async with open_store(tmp_path, HEADER) as store:
            files(tmp_path, "journal-*")[0].unlink()
            async with anyio.create_task_group() as tasks:
                for number in range(120):
                    tasks.start_soon(attempt, store, number)

    with pytest.raises(StoreError):  # leaving would seal: not even that is done any more
        await run_and_lose()
    assert len(said) == 120
    assert len(set(said)) == 1


async def test_a_file_in_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(StoreError, match="cannot make") as raised:
            async with open_store(place, HEADER):
                pass
        assert "--results" in raised.value.hint


async def test_samples_are_lines(tmp_path: Path) -> None:
    async with open_store(tmp_path, HEADER) as store:
        store.append_sample(b'{"a":1}')
        store.append_sample({"b": 2})
    with (tmp_path / "pool.jsonl").open("ab") as file:
        file.write(b'{"torn')
    async with open_store(tmp_path, HEADER) as store:
        store.append_sample('{"c":3}\n')
    lines = (tmp_path / "pool.jsonl").read_text().splitlines()
    assert lines == ['{"a":1}', '{"b": 2}', '{"torn', '{"c":3}']
