from pathlib import Path

import pytest

from stormproof.domain.pool import Limits, Start
from stormproof.errors import PoolFileError
from stormproof.plan import SHIPPED_POOL, credentials, expand, load_pool

SMALL = """\
[providers.azure]
dialect = "azure"
base_url = "https://example.openai.azure.com"
api_version = "2024-10-21"
keys = { main = "env:AZURE_KEY" }
limits = { rpm = 6000 }

[providers.gateway]
base_url = "https://gateway.example.com/v1"
[providers.gateway.keys]
one = "env:KEY_1"
two = { ref = "env:KEY_2", limits = { tpm = 1000, fixed = { tpm = 500 } } }

[models.alpha]
provider = "azure"
deployments = ["alpha", { name = "alpha-2", endpoint_limits = { max_workers = 7 } }]
endpoint_limits = { max_workers = 100, qps = 20 }
price_in = 1.5

[models.beta]
provider = "gateway"
parameters = { temperature = 0.0 }
endpoint_limits = { max_workers = 5, fixed = { max_workers = 3 } }
"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "pool.toml"
    path.write_text(SMALL)
    return path


def wrong(path: Path, text: str) -> str:
    path.write_text(text)
    with pytest.raises(PoolFileError) as caught:
        load_pool(path)
    assert caught.value.exit_code == 2
    assert caught.value.hint
    return caught.value.message


def test_endpoints_are_deployments_times_keys(small: Path) -> None:
    ids = [e.endpoint_id for e in expand(load_pool(small))]
    assert ids == ["alpha", "alpha-2", "beta@one", "beta@two"]


def test_results_are_filed_under_the_model_never_the_deployment(small: Path) -> None:
    assert [e.model for e in expand(load_pool(small))] == ["alpha", "alpha", "beta", "beta"]


def test_a_deployment_says_what_differs_from_its_model(small: Path) -> None:
    alpha, alpha2, *_ = expand(load_pool(small))
    assert alpha.limits == Limits(max_workers=100, qps=20)
    assert alpha2.limits == Limits(max_workers=7)


def test_limits_differ_by_rate_mode_where_the_file_says_so(small: Path) -> None:
    pool = load_pool(small)
    assert expand(pool, rate_mode="adaptive")[2].limits.max_workers == 5
    assert expand(pool, rate_mode="fixed")[2].limits.max_workers == 3
    assert [g.limits.tpm for g in expand(pool, rate_mode="fixed")[3].groups] == [500]


def test_shared_limits_are_named_widest_first(small: Path) -> None:
    alpha, _, one, two = expand(load_pool(small))
    assert [g.name for g in alpha.groups] == ["provider azure"]
    assert one.groups == ()
    assert [g.name for g in two.groups] == ["key gateway/two"]


def test_every_mistake_is_told_at_once_with_its_line_and_a_suggestion(tmp_path: Path) -> None:
    message = wrong(
        tmp_path / "pool.toml",
        SMALL.replace('dialect = "azure"', 'dialect = "azur"')
        .replace("max_workers = 100", "max_workers = -1")
        .replace("price_in", "prize_in")
        .replace('provider = "gateway"', 'provider = "gatway"'),
    )
    assert 'pool.toml:2: providers.azure.dialect: found "azur"' in message
    assert 'did you mean "azure"?' in message
    assert "models.alpha.endpoint_limits.max_workers: found -1" in message
    assert 'did you mean "price_in"?' in message
    assert 'models.beta.provider: found "gatway"' in message
    assert 'did you mean "gateway"?' in message


def test_a_key_in_plain_text_is_refused_and_never_shown(tmp_path: Path) -> None:
    planted = "sk-1234567890abcdefghijkl"
    message = wrong(tmp_path / "pool.toml", SMALL.replace("env:AZURE_KEY", planted))
    assert "providers.azure.keys.main" in message
    assert "env:NAME" in message
    assert planted not in message


@pytest.mark.parametrize(
    "text",
    ["", "x = ", "[models]", "providers = 3", "\x00", "a" * 600_000, "[[providers]]", "é = nan"],
)
def test_whatever_stands_in_the_file_the_answer_is_words(tmp_path: Path, text: str) -> None:
    path = tmp_path / "pool.toml"
    path.write_text(text)
    with pytest.raises(PoolFileError):
        load_pool(path)


def test_the_same_deployment_at_two_providers(tmp_path: Path) -> None:
    path = tmp_path / "pool.toml"
    both = 'deployments = ["a", { name = "a", provider = "gateway", keys = ["one"] }]'
    path.write_text(SMALL.replace('deployments = ["alpha",', both + "\n# ["))
    alpha, other, *_ = expand(load_pool(path))
    assert (alpha.deployment, other.deployment) == ("a", "a")
    assert (alpha.endpoint_id, other.endpoint_id) == ("alpha/azure/a", "alpha/gateway/a")
    twice = 'deployments = ["a", { name = "a", limits = { rpm = 5 } }]'
    message = wrong(path, SMALL.replace('deployments = ["alpha",', twice + "\n# ["))
    assert 'models.alpha.deployments[1].name: found "a" a second time' in message


def test_ids_of_endpoints_differ_whatever_the_names(tmp_path: Path) -> None:
    path = tmp_path / "pool.toml"
    path.write_text(
        SMALL.replace('deployments = ["alpha",', 'deployments = ["b@one", "m/gateway/b@one"]\n# [')
        + '[models.m]\nprovider = "gateway"\ndeployments = ["b"]\n'
        + '[models.n]\nprovider = "gateway"\ndeployments = ["b@one"]\nkeys = ["one"]\n'
    )
    ids = [e.endpoint_id for e in expand(load_pool(path))]
    assert len(set(ids)) == len(ids) == 7


FORMS = SMALL.replace(
    "price_in = 1.5",
    'max_tokens = 500\nparameters = { temperature = 0.0, seed = "" }\nsystem_role = "user"',
).replace('{ name = "alpha-2",', '{ name = "alpha-2", max_completion_tokens = 9, stream = true,')


def test_a_deployment_is_asked_as_its_model_says_or_as_it_says_itself(tmp_path: Path) -> None:
    path = tmp_path / "pool.toml"
    path.write_text(FORMS)
    alpha, alpha2, *_ = expand(load_pool(path))
    assert alpha.parameters == {"max_tokens": 500, "temperature": 0.0, "seed": ""}
    assert (alpha.system_role, alpha.stream) == ("user", False)
    assert alpha2.parameters == {"max_completion_tokens": 9, "temperature": 0.0, "seed": ""}
    assert (alpha2.system_role, alpha2.stream) == ("user", True)


def test_a_reply_has_one_limit_of_tokens(tmp_path: Path) -> None:
    path = tmp_path / "pool.toml"
    two = FORMS.replace("max_tokens = 500", "max_tokens = 500\nmax_completion_tokens = 400")
    assert "models.alpha.max_tokens: found two limits" in wrong(path, two)
    two = FORMS.replace("seed =", "max_completion_tokens = 5, seed =")
    assert "models.alpha.max_tokens: found two limits" in wrong(path, two)
    path.write_text(FORMS.replace("seed =", 'max_completion_tokens = "", seed ='))
    assert expand(load_pool(path))[0].parameters["max_tokens"] == 500


@pytest.mark.parametrize("name", ["messages", "tools", "model"])
def test_parameters_may_say_anything_but_what_the_episode_says(tmp_path: Path, name: str) -> None:
    path = tmp_path / "pool.toml"
    assert f"parameters.{name}: found a parameter" in wrong(
        path, SMALL.replace("temperature = 0.0", f'{name} = ""')
    )
    free = 'n = 2, stream_options = "", tool_choice = "auto", seed = 5, think = { effort = "x" }'
    path.write_text(SMALL.replace("temperature = 0.0", free))
    assert len(expand(load_pool(path))[-1].parameters) == 5


SENT = SMALL.replace(
    "limits = { rpm = 6000 }",
    'headers = { X-Team = "research", X-Gateway-Key = "env:GATE" }\n'
    'query = { api-version = "2024-05-01-preview", code = "env:CODE" }',
)


def test_headers_and_queries_hold_texts_and_references(tmp_path: Path) -> None:
    path = tmp_path / "pool.toml"
    path.write_text(SENT.replace('api_version = "2024-10-21"\n', ""))
    alpha, *_ = endpoints = expand(load_pool(path))
    assert alpha.headers == {"X-Team": "research", "X-Gateway-Key": "env:GATE"}
    assert alpha.query == {"api-version": "2024-05-01-preview", "code": "env:CODE"}
    names = ("AZURE_KEY", "KEY_1", "KEY_2", "GATE", "CODE")
    located, values = credentials(endpoints, {name: f"value of {name}" for name in names})
    assert located == endpoints
    assert values == {f"env:{name}": f"value of {name}" for name in names}
    with pytest.raises(PoolFileError, match="not set in the environment: GATE, CODE"):
        credentials(endpoints, dict.fromkeys(names[:3], "x"))


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ('X-Routing-Key = "plain-secret"', "what looks like a credential"),
        ('Authorization = "x"', "what looks like a credential"),
        ('X-Team = "Bearer abcdef"', "what looks like a credential"),
        ('X-Team = "env:NOT A NAME"', "a reference that names no variable"),
        ('X-Team = "a\\nb"', "an empty, too long or unprintable text"),
        ('"X Team" = "a"', "a name that no header can have"),
        ('Content-Length = "5"', "a header that Stormproof sets itself"),
        ("X-Team = 5", "a whole number"),
    ],
)
def test_a_header_that_cannot_be_sent_or_should_be_a_reference(
    tmp_path: Path, said: str, found: str
) -> None:
    message = wrong(tmp_path / "pool.toml", SENT.replace('X-Team = "research"', said))
    assert f"found {found}" in message
    assert "plain-secret" not in message


def test_an_address_may_have_a_query_without_credentials(tmp_path: Path) -> None:
    path = tmp_path / "pool.toml"
    plain = "https://gateway.example.com/v1"
    path.write_text(SMALL.replace(plain, f"{plain}?region=eu"))
    assert expand(load_pool(path))[-1].base_url == f"{plain}?region=eu"
    message = wrong(path, SMALL.replace(plain, f"{plain}?key=AIzaPlanted"))
    assert "found an address with a credential in its query (not shown)" in message
    assert "Planted" not in message


def test_a_missing_file_and_a_folder_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(PoolFileError, match="no such file"):
        load_pool(tmp_path / "none.toml")
    with pytest.raises(PoolFileError, match="is a folder"):
        load_pool(tmp_path)


def test_the_shipped_pool_is_the_one_of_the_mission() -> None:
    pool = load_pool(SHIPPED_POOL)
    adaptive = expand(pool, prompt_types=3)
    fixed = expand(pool, rate_mode="fixed", prompt_types=1)
    assert len(adaptive) == 3 * 3 + 5 * 3 + 2 + 4
    by_model = {e.model: e for e in adaptive}
    assert by_model["DeepSeek-V3-0324"].limits == Limits(max_workers=100)
    assert by_model["DeepSeek-V3-0324"].start == Start(qps=200)
    assert {e.model: e for e in fixed}["DeepSeek-V3-0324"].limits == Limits(100, qps=200)
    assert by_model["gpt-4o-mini"].limits.max_workers == 600
    assert by_model["qwen2.5-72b-instruct"].limits.max_workers == 5
    assert {e.model: e for e in fixed}["qwen2.5-3b-instruct"].limits.max_workers == 3
    assert {e.model: e for e in fixed}["gpt-5-mini"].limits.max_workers == 200
    assert by_model["kimi-k2"].limits == Limits(max_workers=1, qps=10)
    assert sum(e.limits.max_workers or 0 for e in adaptive) > 1500
