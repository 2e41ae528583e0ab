"""Endpoints that refuse, fail or die: what any other can serve is served, the rest is named."""

import json
import re
from typing import Any

from proving_ground import Grounds, ProvingGround
from stormproof.store import episode_table, same_records

WORDS = ("--model", "beta", "--prompt-types", "optimal", "--num-instances", "3")


def shut(seconds: float) -> list[dict[str, float]]:
    """Changes by which all limits are 0 for so long: nothing comes but 429."""
    return [{"at_s": 0, "factor": 0}, {"at_s": seconds, "factor": 1}]


def summary(ground: ProvingGround, results: str) -> dict[str, Any]:
    """What the run printed in the end."""
    text = (ground.folder / f"{results}.log").read_text()
    assert "Traceback" not in text
    found: dict[str, Any] = json.loads(text[text.index("\n{\n") :])
    return found


def refused(ground: ProvingGround, endpoint: str) -> dict[str, int]:
    found: dict[str, int] = ground.stats()["endpoints"][endpoint]["refused"]
    return found


def test_one_key_denied_another_refused_for_20_s_and_all_is_done(prove: Grounds) -> None:
    calm = prove("calm")
    assert calm.finish("a", *WORDS) == 0
    ground = prove(
        rules=[{"match": "beta@one", "revoked_at_s": 0}, {"match": "beta@two", "changes": shut(20)}]
    )
    assert ground.finish("b", *WORDS) == 0
    assert same_records(calm.folder / "a", ground.folder / "b") == []
    assert refused(ground, "beta@one")
    assert refused(ground, "beta@two")
    told = summary(ground, "b")
    assert (told["scored"], told["infrastructure"]) == (15, 0)
    assert re.match(r"beta@one: HTTP 401 .*no answer since 20\d\d-", told["stopped"][0])


def test_the_only_living_key_is_refused_for_a_while_and_all_is_done(prove: Grounds) -> None:
    dead = [{"match": f"beta@{key}", "revoked_at_s": 0} for key in ("one", "three")]
    ground = prove(rules=[*dead, {"match": "beta@two", "changes": shut(6)}])
    assert ground.finish("b", *WORDS) == 0
    told = summary(ground, "b")
    assert (told["scored"], told["infrastructure"]) == (15, 0)


def test_a_model_without_a_living_endpoint_ends_by_itself(prove: Grounds) -> None:
    ground = prove(rules=[{"match": "beta*", "gone_at_s": 0}])
    words = [word if word != "beta" else "alpha,beta" for word in WORDS]
    assert ground.finish("b", *words) == 1
    told = summary(ground, "b")
    assert (told["scored"], told["remaining"]) == (15, 15)
    assert [line.split(":")[0] for line in told["stopped"]] == [
        "beta@one",
        "beta@two",
        "beta@three",
    ]
    assert all("404" in line and "no answer since 20" in line for line in told["stopped"])
    ended = episode_table(ground.folder / "b").select(["model", "outcome"]).to_pylist()
    assert {e["model"] for e in ended if e["outcome"] == "completed"} == {"alpha"}
    assert {e["outcome"] for e in ended if e["model"] == "beta"} <= {"infrastructure"}


def test_endpoints_that_only_fail_are_named(prove: Grounds) -> None:
    ground = prove(rules=[{"match": "*", "faults": {"500": 1.0}}])
    assert ground.finish("b", *WORDS[:-1], "1", "--task-types", "simple_task") == 1
    told = summary(ground, "b")
    assert (told["scored"], told["infrastructure"]) == (0, 1)
    assert told["silent"]
    assert all("HTTP 500" in line and "no answer since 20" in line for line in told["silent"])
