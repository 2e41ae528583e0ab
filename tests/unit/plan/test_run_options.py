from pathlib import Path
from typing import Any

import pytest

from stormproof.errors import ConfigError
from stormproof.plan import OPTIONS, RunOptions, read_options


def read(folder: Path, environ: dict[str, str] | None = None, **flags: Any) -> RunOptions:
    return read_options(flags, environ or {}, folder)


def mistakes(folder: Path, environ: dict[str, str] | None = None, **flags: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        read(folder, environ, **flags)
    return caught.value.message


def test_nothing_said_gives_the_defaults(tmp_path: Path) -> None:
    assert read(tmp_path) == RunOptions()


def test_a_flag_beats_the_environment_which_beats_the_file(tmp_path: Path) -> None:
    (tmp_path / "stormproof.toml").write_text(
        'rate-mode = "fixed"\nstorage_format = "json"\nnum-instances = 7\n'
    )
    assert read(tmp_path).rate_mode == "fixed"
    environ = {"RATE_MODE": "adaptive", "STORAGE_FORMAT": "parquet", "DEBUG_PROCESS_NUM": "3"}
    assert read(tmp_path, environ).rate_mode == "adaptive"
    told = read(tmp_path, environ, rate_mode="fixed")
    assert (told.rate_mode, told.storage_format, told.num_instances) == ("fixed", "parquet", 7)
    assert told.debug_process_num == 3


def test_an_empty_variable_says_nothing(tmp_path: Path) -> None:
    assert read(tmp_path, {"RATE_MODE": "", "DEBUG_LOG": ""}) == RunOptions()


@pytest.mark.parametrize(("text", "value"), [("true", True), ("1", True), ("off", False)])
def test_switches_read_the_words_people_use(tmp_path: Path, text: str, value: bool) -> None:  # noqa: FBT001  the case's value
    assert read(tmp_path, {"DEBUG_LOG": text}).debug_log is value


def test_lists_are_comma_separated_and_all_means_all(tmp_path: Path) -> None:
    told = read(tmp_path, task_types="all", tool_success_rates="0.9,0.6", difficulties="easy, hard")
    assert len(told.task_types) == 5
    assert told.tool_success_rates == (0.9, 0.6)
    assert told.difficulties == ("easy", "hard")


def test_a_wait_is_written_as_people_write_it(tmp_path: Path) -> None:
    waits = {"90m": 5400, "1h30m": 5400, "12h": 43_200, "0": 0, "600": 600}
    assert {text: read(tmp_path, max_wait_s=text).max_wait_s for text in waits} == waits
    (tmp_path / "stormproof.toml").write_text("max-wait = 600")
    assert read(tmp_path).max_wait_s == 600
    for wrong in ("soon", "31d", "-1h", ""):
        assert "as 90m, 12h or 1h30m, up to 30 d" in mistakes(tmp_path, max_wait_s=wrong)


def test_mistakes_of_all_sources_are_told_together(tmp_path: Path) -> None:
    (tmp_path / "stormproof.toml").write_text('rate-mod = "fixed"\nseed = -1\n')
    message = mistakes(
        tmp_path,
        {"STORAGE_FORMAT": "xml"},
        prompt_types="optimal,flawed_sequence_disoder",
        models="qwen2.5-72b-instuct",
        tool_success_rates="nan",
    )
    assert 'stormproof.toml:1: rate-mod: no such option; did you mean "rate-mode"?' in message
    assert "stormproof.toml:2: seed: found -1" in message
    assert 'STORAGE_FORMAT: found "xml"' in message
    assert 'did you mean "flawed_sequence_disorder"?' in message
    assert 'did you mean "qwen2.5-72b-instruct"?' in message
    assert "--tool-success-rate: found" in message


def test_every_option_has_a_field_a_flag_and_a_help() -> None:
    fields = set(RunOptions.__struct_fields__)
    assert {option.field for option in OPTIONS} == fields
    assert all(option.help and option.flag == option.flag.lower() for option in OPTIONS)


def test_the_four_promised_variables_are_read() -> None:
    assert {o.env for o in OPTIONS if o.env} == {
        "RATE_MODE",
        "STORAGE_FORMAT",
        "DEBUG_LOG",
        "DEBUG_PROCESS_NUM",
    }
