from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from stormproof.errors import StoreCorrupt
from stormproof.report.episode_rows import EpisodeRows

Rows = list[dict[str, Any]]
Make = Callable[..., dict[str, Any]]
ToTable = Callable[[Rows], pa.Table]


def test_a_trial_recorded_twice_is_refused(make_episode: Make, make_table: ToTable) -> None:
    rows = [make_episode(trial_id="same"), make_episode(trial_id="same")]
    with pytest.raises(StoreCorrupt, match="more than once"):
        EpisodeRows.of(make_table(rows))


def test_groups_cover_every_row_once(make_grid: Callable[..., Rows], make_table: ToTable) -> None:
    frame = EpisodeRows.of(make_table(make_grid(tasks=3)))
    groups = list(frame.groups("model", "prompt_type", "tool_success_rate"))
    assert len(groups) == 2 * 4 * 3
    assert sum(len(group) for _, group in groups) == len(frame)
    for (model, prompt, rate), group in groups:
        assert group.values("model") == [model]
        assert group.values("prompt_type") == [prompt]
        assert group.values("tool_success_rate") == [rate]


def test_missing_columns_are_empty(make_episode: Make, make_table: ToTable) -> None:
    table = make_table([make_episode()]).drop_columns(["ceiling", "error_category"])
    frame = EpisodeRows.of(table)
    assert np.isnan(frame.numbers("ceiling")).all()
    assert frame.values("error_category") == [""]
