from __future__ import annotations

import json
from time import gmtime, strftime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stormproof.domain.calls import (
    Blocked,
    Denied,
    Ok,
    Overlong,
    Refused,
    Rejected,
    Transient,
    Usage,
    Verdict,
)
from stormproof.wire.classify import classify
from stormproof.wire.complaints import LONGEST_REASON

NOW = 1_700_000_000.0
SAID = {
    "choices": [{"message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 9, "completion_tokens": 2},
    "model": "gpt-4o-mini-2024-07-18",
}


def judge(status: int, value: Any = None, headers: dict[str, str] | None = None) -> Verdict:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return classify(status, headers or {}, body, NOW)


def error(message: str = "no", code: Any = None, kind: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def test_a_reply_is_ok_with_its_usage_and_the_limits_its_headers_told() -> None:
    verdict = judge(200, SAID, {"x-ratelimit-limit-requests": "500"})
    assert isinstance(verdict, Ok)
    assert verdict.reply.text == "hi"
    assert verdict.reply.usage == Usage(9, 2)
    assert verdict.reply.served_model == "gpt-4o-mini-2024-07-18"
    assert not verdict.reply.simulated
    assert verdict.rates is not None
    assert verdict.rates.limit_rpm == 500


@pytest.mark.parametrize(
    ("status", "value"),
    [
        (429, error("Rate limit reached for gpt-4o", "rate_limit_exceeded", "requests")),
        (429, error("Requests have exceeded the call rate limit", "429")),
        (429, {"message": "Too many"}),
        (429, b"slow"),
        (529, {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}),
        (503, error("The engine is currently overloaded. Slow Down", None, "service_unavailable")),
        (503, error("reduce your request rate", "slow_down")),
        (200, error("Rate limit exceeded", 429)),
    ],
)
def test_a_rate_refusal_is_refused_but_not_exhausted(status: int, value: Any) -> None:
    verdict = judge(status, value)
    assert isinstance(verdict, Refused)
    assert not verdict.exhausted


@pytest.mark.parametrize(
    ("status", "value"),
    [
        (403, error("quota", None, "insufficient_quota")),
        (429, error("", "billing_hard_limit_reached")),
        (402, {"error": {"message": "Insufficient Balance", "type": "unknown_error"}}),
        (400, {"code": "Arrearage", "message": "Access denied, account not in good standing"}),
        (400, error("Your credit balance is too low to access the API", None, "invalid_request")),
        (200, error("gone", "insufficient_quota")),
    ],
)
def test_a_spent_quota_is_exhausted_whatever_the_status(status: int, value: Any) -> None:
    verdict = judge(status, value, {"retry-after": "5"})
    assert isinstance(verdict, Refused)
    assert verdict.exhausted


def test_geminis_quota_words_for_a_mere_rate_are_not_exhaustion() -> None:
    value = [{"error": {"code": 429, "message": "You exceeded your current quota, please check "
              "your plan. Please retry in 34.07s.", "status": "RESOURCE_EXHAUSTED"}}]  # fmt: skip
    verdict = judge(429, value)
    assert isinstance(verdict, Refused)
    assert not verdict.exhausted
    assert verdict.retry_after_s == pytest.approx(34.07)


GITHUB_DAY = (
    "Rate limit of 50 per 86400s exceeded for UserByModelByDay. "
    "Please wait 52220 seconds before retrying."
)
GROQ_DAY = "Rate limit reached on tokens per day (TPD): Limit 100000. Please try again in {}."
GEMINI_QUOTA = "GenerateRequestsPerDayPerProjectPerModel-FreeTier"
GEMINI_DAY = [
    {
        "error": {
            "code": 429,
            "status": "RESOURCE_EXHAUSTED",
            "message": "You exceeded your current quota. Please retry in 38.49s.",
            "details": [{"violations": [{"quotaId": GEMINI_QUOTA}]}],
        }
    }
]
OPENROUTER_DAY = {
    "error": {
        "code": 429,
        "message": "Rate limit exceeded: free-models-per-day.",
        "metadata": {"headers": {"X-RateLimit-Reset": str(int(NOW + 40_000) * 1000)}},
    }
}


@pytest.mark.parametrize(
    ("value", "headers", "of_a_day", "resumes_in_s"),
    [
        (error(GITHUB_DAY, "RateLimitReached"), {}, True, 52_220),
        (OPENROUTER_DAY, {}, True, 40_000),
        (error("Requests per day limit exceeded - too many requests sent."),
         {"x-ratelimit-reset-requests-day": "33011.38"}, True, 33_011.38),
        (error(GROQ_DAY.format("12h30m")), {}, True, 45_000),
        (error(GROQ_DAY.format("9m38s")), {}, True, None),  # it is refilled all day long
        (GEMINI_DAY, {}, True, None),  # and that is no word on the day
        (error("slow down"), {"retry-after": "7200"}, False, 7200),
        (error("slow down"), {"retry-after": "1800"}, False, None),
        (error("slow down"), {"retry-after": "1e300"}, False, None),
        (error("slow down"), {"x-ratelimit-reset-requests-day": "33011"}, False, None),
    ],
)  # fmt: skip
def test_a_quota_of_a_day_is_told_from_a_rate_and_when_it_is_refilled(
    value: Any,
    headers: dict[str, str],
    of_a_day: bool,  # noqa: FBT001  the case's value
    resumes_in_s: float | None,
) -> None:
    verdict = judge(429, value, headers)
    assert isinstance(verdict, Refused)
    assert (verdict.exhausted, verdict.quota, verdict.of_a_day) == (False, False, of_a_day)
    expected = resumes_in_s if resumes_in_s is None else pytest.approx(resumes_in_s, abs=1)
    assert verdict.resumes_in_s == expected
    assert verdict.retry_after_s is None or verdict.retry_after_s <= 600
    at = "" if resumes_in_s is None else strftime("%Y-%m-%d %H:%M", gmtime(NOW + resumes_in_s))
    assert verdict.reason.endswith(f"; goes on at {at} UTC") == bool(at)


@pytest.mark.parametrize("status", [401, 403, 404, 405, 407, 410])
@pytest.mark.parametrize("value", [error("no"), b"<html>no</html>", b""])
def test_the_endpoint_is_denied(status: int, value: Any) -> None:
    assert isinstance(judge(status, value), Denied)


@pytest.mark.parametrize(
    ("status", "value"),
    [
        (404, error("The API deployment for this resource does not exist", "DeploymentNotFound")),
        (404, error("The model `x` does not exist", "model_not_found")),
        (404, error("Resource not found", "404")),
        (404, {"detail": "Not Found"}),
        (400, error("The chatCompletion operation does not work", "OperationNotSupported")),
        (400, [{"error": {"code": 400, "message": "API key not valid.", "status": "INVALID"}}]),
        (400, {"error": {"message": "chat_completion: Invalid model name passed in model=x"}}),
    ],
)
def test_a_missing_model_or_path_or_a_bad_key_is_denied(status: int, value: Any) -> None:
    assert isinstance(judge(status, value), Denied)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_denied_and_its_target_is_not_repeated(status: int) -> None:
    verdict = judge(status, b"", {"location": "https://elsewhere.example/?token=1"})
    assert isinstance(verdict, Denied)
    assert "elsewhere" not in verdict.reason


@pytest.mark.parametrize("status", [400, 413, 414, 415, 418, 422, 431, 451])
def test_a_bad_request_is_rejected(status: int) -> None:
    assert isinstance(judge(status, error("bad", "invalid_request_error")), Rejected)


# As services and public reports of their answers word it; the first words say whose it is.
OVERLONG = {
    "OpenAI": (400, error("This model's maximum context length is 128000 tokens. However, your "
        "messages resulted in 130011 tokens.", "context_length_exceeded", "invalid_request_error")),
    "Azure": (400, error("This model's maximum context length is 4096 tokens, however you "
        "requested 5011 tokens", "context_length_exceeded")),
    "llama.cpp": (400, error("request (9412 tokens) exceeds the available context size (8192 "
        "tokens), try increasing it", 400, "exceed_context_size_error")),
    "llama.cpp, older": (500, error("the request exceeds the available context size.", 500)),
    "vLLM": (400, {"object": "error", "message": "This model's maximum context length is 4096 "
        "tokens. However, you requested 4500 tokens.", "type": "BadRequestError", "code": 400}),
    "vLLM, of the prompt": (400, error("The decoder prompt (length 9000) is longer than the "
        "maximum model length of 8192.", 400, "BadRequestError")),
    "SGLang": (400, {"object": "error", "message": "The input (210000 tokens) is longer than the "
        "model's context length (200000 tokens).", "type": "BadRequest", "code": 400}),
    "TGI": (422, {"error": "Input validation error: `inputs` tokens + `max_new_tokens` must be <= "
        "32768. Given: 71508 `inputs` tokens and 0 `max_new_tokens`", "error_type": "validation"}),
    "Anthropic": (400, {"type": "error", "error": {"type": "invalid_request_error",
        "message": "prompt is too long: 210000 tokens > 200000 maximum"}}),
    "Gemini": (400, [{"error": {"code": 400, "message": "The input token count (1200000) exceeds "
        "the maximum number of tokens allowed (1048576).", "status": "INVALID_ARGUMENT"}}]),
    "Alibaba": (400, error("<400> InternalError.Algo.InvalidParameter: Range of input length "
        "should be [1, 129024]", "invalid_parameter_error", "invalid_request_error")),
    "DeepSeek": (400, error("This model's maximum context length is 65536 tokens. However, you "
        "requested 70000 tokens", "invalid_request_error")),
    "Mistral": (400, {"object": "error", "message": "Prompt contains 40000 tokens, too large for "
        "model with 32768 maximum context length", "type": "invalid_request_error"}),
    "Groq": (400, error("Please reduce the length of the messages or completion.",
        "context_length_exceeded")),
    "xAI": (400, {"code": "Client specified an invalid argument", "error": "This model's maximum "
        "prompt length is 131072 but the request contains 537812 tokens."}),
    "Moonshot": (400, error("Invalid request: Your request exceeded model token limit: 131072",
        None, "invalid_request_error")),
    "Zhipu": (400, {"error": {"code": "1261", "message": "Prompt 超长"}}),
    "OpenRouter, of another": (400, {"error": {"code": 400, "message": "Provider returned error",
        "metadata": {"provider_name": "X", "raw": '{"error": {"message": "prompt is too long: '
        '9 tokens > 8 maximum"}}'}}}),
    "a litellm proxy": (400, error("litellm.BadRequestError: AzureException - Error code: 400 - "
        "{'error': {'code': 'context_length_exceeded'}}", "400")),
    "in a 200": (200, error("This model's maximum context length is 4096 tokens", 400)),
}  # fmt: skip
BLOCKED = {
    "Azure": (400, error("The response was filtered due to the prompt triggering Azure OpenAI's "
        "content management policy.", "content_filter")),
    "Azure, the inner code alone": (400, {"error": {"message": "no", "code": "BadRequest",
        "innererror": {"code": "ResponsibleAIPolicyViolation"}}}),
    "Alibaba": (400, error("Input data may contain inappropriate content.",
        "data_inspection_failed", "data_inspection_failed")),
    "Alibaba's own form": (400, {"code": "DataInspectionFailed", "message": "Output data may "
        "contain inappropriate content."}),
    "Zhipu": (400, {"error": {"code": "1301", "message": "输入或生成内容可能包含不安全或敏感内容"},
        "contentFilter": [{"level": 1, "role": "user"}]}),
    "Moonshot": (400, error("The request was rejected because it was considered high risk",
        None, "content_filter")),
    "OpenAI": (400, error("Invalid prompt: your prompt was flagged as potentially violating our "
        "usage policy.", "invalid_prompt", "invalid_request_error")),
    "OpenRouter": (403, {"error": {"code": 403, "message": "x/y requires moderation on Z. Your "
        "input was flagged.", "metadata": {"reasons": ["violence"], "flagged_input": "…"}}}),
    "Gemini's own form": (200, {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}),
    "MiniMax": (200, {"choices": None, "base_resp": {"status_code": 1026, "status_msg": "input "
        "new_sensitive"}}),
    "in a 200": (200, error("no", "content_filter")),
}  # fmt: skip
SPENT = {
    "DeepSeek": (402, {"error": {"message": "Insufficient Balance", "code": "invalid_request"}}),
    "Zhipu": (429, {"error": {"code": "1113", "message": "您的账户已欠费"}}),
    "Moonshot": (429, error("Your account is suspended, please check your account balance", None,
        "exceeded_current_quota_error")),
    "one-api": (403, error("用户额度不足", "insufficient_user_quota", "new_api_error")),
    "Alibaba": (403, error("The free tier of the model has been exhausted.",
        "AllocationQuota.FreeTierOnly")),
}  # fmt: skip


@pytest.mark.parametrize(("status", "value"), OVERLONG.values(), ids=OVERLONG)
def test_a_conversation_that_no_longer_fits_is_overlong(status: int, value: Any) -> None:
    assert isinstance(judge(status, value), Overlong)


@pytest.mark.parametrize(("status", "value"), BLOCKED.values(), ids=BLOCKED)
def test_what_a_filter_did_is_blocked_under_400_403_and_200(status: int, value: Any) -> None:
    verdict = judge(status, value)
    assert isinstance(verdict, Blocked)
    assert verdict.reason.startswith(f"HTTP {status}" if status != 200 else "HTTP 400 in a 200")


@pytest.mark.parametrize(("status", "value"), SPENT.values(), ids=SPENT)
def test_an_empty_account_is_exhausted_at_once(status: int, value: Any) -> None:
    verdict = judge(status, value)
    assert isinstance(verdict, Refused)
    assert verdict.exhausted


def test_insufficient_quota_under_429_is_what_only_time_can_tell() -> None:
    # Alibaba says this of a limit per minute, OpenAI of an empty account, in the same words.
    message = "You exceeded your current quota, please check your plan and billing details."
    verdict = judge(429, error(message, "insufficient_quota", "insufficient_quota"))
    assert isinstance(verdict, Refused)
    assert verdict.quota
    assert not verdict.exhausted


@pytest.mark.parametrize("status", [413, 429])
def test_a_request_too_large_for_a_limit_per_minute_is_refused(status: int) -> None:
    # Groq answers 413, OpenAI 429.
    message = "Request too large for model `m` on tokens per minute (TPM): Limit 6000, Requested 7"
    assert isinstance(judge(status, error(message, "rate_limit_exceeded", "tokens")), Refused)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"failed_generation": "<function=f>{}</function>"}, "<function=f>{}</function>"),
        ({}, ""),
    ],
)
def test_a_malformed_call_told_as_an_error_is_what_the_model_said(value: Any, said: str) -> None:
    complaint = {"message": "Failed to call a function.", "code": "tool_use_failed"}  # Groq's
    verdict = judge(400, {"error": complaint | value})
    assert isinstance(verdict, Ok)
    assert verdict.reply.text == said
    assert verdict.reply.finish_reason == "malformed_function_call"


@pytest.mark.parametrize("message", [{"message": {"role": "assistant"}}, {}])
def test_geminis_malformed_call_is_paid_once(message: Any) -> None:
    choice = {"finish_reason": "function_call_filter: MALFORMED_FUNCTION_CALL", "index": 0}
    verdict = judge(200, {"choices": [choice | message], "usage": {"completion_tokens": 0}})
    assert isinstance(verdict, Ok)
    assert verdict.reply.finish_reason == "malformed_function_call"


@pytest.mark.parametrize("usage", [None, {}, {"completion_tokens": 0}])
def test_an_empty_message_that_ended_for_a_reason_is_the_models(usage: Any) -> None:
    choice = {"message": {"content": ""}, "finish_reason": "stop"}
    assert isinstance(judge(200, {"choices": [choice], "usage": usage}), Ok)


def test_a_window_that_is_full_is_a_length_or_overlong() -> None:
    choice = {"message": {"content": "half a"}, "finish_reason": "model_context_window_exceeded"}
    verdict = judge(200, {"choices": [choice]})
    assert isinstance(verdict, Ok)
    assert verdict.reply.finish_reason == "length"
    empty = choice | {"message": {"content": ""}}
    assert isinstance(judge(200, {"choices": [empty]}), Overlong)


@pytest.mark.parametrize(
    ("kind", "body", "hint"),
    [
        ("text/html", b"<html>ok</html>", "base_url mostly ends in /v1"),
        ("application/json", b'{"status": "alive"}', "no reply in it"),
    ],
)
def test_what_is_no_model_is_named_and_what_to_change(kind: str, body: bytes, hint: str) -> None:
    verdict = judge(200, body, {"content-type": kind})
    assert isinstance(verdict, Transient)
    assert verdict.unreached
    assert verdict.paid
    assert hint in verdict.reason


def test_a_reply_thrown_away_says_what_it_cost() -> None:
    choice = {"message": {"content": "The first"}, "finish_reason": "error"}
    verdict = judge(200, SAID | {"choices": [choice]})
    assert isinstance(verdict, Transient)
    assert verdict.paid
    assert verdict.usage == Usage(9, 2)


@pytest.mark.parametrize("status", [408, 409, 421, 424, 425, 499, 500, 502, 503, 504, 520, 599])
def test_what_may_pass_is_transient_and_keeps_its_retry_after(status: int) -> None:
    verdict = judge(status, error("later"), {"retry-after": "7"})
    assert isinstance(verdict, Transient)
    assert verdict.retry_after_s == 7


def test_an_overlong_wait_is_bounded() -> None:
    verdict = judge(429, error(), {"retry-after": "864000"})
    assert isinstance(verdict, Refused)
    assert verdict.retry_after_s == 600


@pytest.mark.parametrize(
    ("code", "kind"), [(401, Denied), ("400", Rejected), (502, Transient), ("weird", Transient)]
)
def test_an_error_inside_a_200_is_judged_by_its_own_code(code: Any, kind: type) -> None:
    verdict = judge(200, error("inside", code))
    assert isinstance(verdict, kind)
    assert "inside" in getattr(verdict, "reason", "")


@pytest.mark.parametrize(
    "body", [b"", b"<html>ok</html>", b'{"choices": [{"mess', b"null", b"[]", b'"hi"', b"{}"]
)
def test_a_200_without_a_readable_reply_is_transient_and_kept_raw(body: bytes) -> None:
    verdict = judge(200, body, {"content-type": "text/html; charset=utf-8"})
    assert isinstance(verdict, Transient)
    assert verdict.raw == body.decode()


@pytest.mark.parametrize("usage", [None, {}, {"completion_tokens": 0}, {"completion_tokens": None}])
@pytest.mark.parametrize("content", [None, "", "  \n", []])
def test_an_empty_reply_that_was_not_paid_for_is_transient(usage: Any, content: Any) -> None:
    value = {"choices": [{"message": {"content": content}}], "usage": usage}
    assert isinstance(judge(200, value), Transient)


@pytest.mark.parametrize("reason", ["error", "insufficient_system_resource"])
def test_a_reply_that_the_server_broke_off_is_not_the_models(reason: str) -> None:
    choice = {"message": {"content": "The first step is"}, "finish_reason": reason}
    verdict = judge(200, SAID | {"choices": [choice]})
    assert isinstance(verdict, Transient)
    assert "The first step is" in verdict.raw


@pytest.mark.parametrize("reason", ["stop", "length", "content_filter", "tool_calls", None])
def test_a_reply_that_ended_otherwise_is_the_models(reason: str | None) -> None:
    choice = {"message": {"content": "The first step is"}, "finish_reason": reason}
    assert isinstance(judge(200, SAID | {"choices": [choice]}), Ok)


@pytest.mark.parametrize(
    "message",
    [
        {"content": ""},
        {"content": None, "reasoning_content": "hm"},
        {"content": "", "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": ""}}]},
    ],
)
def test_an_empty_reply_that_was_paid_for_is_the_models_own(message: dict[str, Any]) -> None:
    value = {"choices": [{"message": message}], "usage": {"completion_tokens": 3}}
    assert isinstance(judge(200, value), Ok)


@pytest.mark.parametrize("extra", [{"reasoning": "hm"}, {"function_call": {"name": "f"}}])
def test_reasoning_or_a_call_is_a_reply_even_without_usage(extra: dict[str, Any]) -> None:
    assert isinstance(judge(200, {"choices": [{"message": {"content": None} | extra}]}), Ok)


def test_a_reason_is_one_printable_line_of_bounded_length() -> None:
    verdict = judge(500, error("a\r\n\x1b[31mb\x00" + "c" * 10_000))
    assert isinstance(verdict, Transient)
    assert verdict.reason.isprintable()
    assert len(verdict.reason) <= LONGEST_REASON


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
shapes = st.fixed_dictionaries(
    {},
    optional={
        "error": json_values,
        "choices": json_values
        | st.lists(
            st.fixed_dictionaries(
                {},
                optional={
                    "message": json_values
                    | st.fixed_dictionaries(
                        {},
                        optional={"content": json_values, "tool_calls": st.lists(json_values)},
                    ),
                    "finish_reason": json_values,
                },
            )
        ),
        "usage": json_values
        | st.dictionaries(st.sampled_from(["prompt_tokens", "completion_tokens"]), json_values),
        "model": json_values,
        "message": json_values,
        "code": json_values,
    },
)
header_values = st.dictionaries(
    st.sampled_from(
        [
            "retry-after",
            "retry-after-ms",
            "date",
            "content-type",
            "x-ratelimit-limit-requests",
            "x-ratelimit-remaining-requests",
            "x-ratelimit-reset-requests",
        ]
    ),
    st.text(),
)


@settings(deadline=None)
@given(
    st.integers(100, 599),
    header_values,
    st.binary() | shapes.map(lambda v: json.dumps(v).encode()),
)
def test_no_response_makes_classify_raise(
    status: int, headers: dict[str, str], body: bytes
) -> None:
    verdict = classify(status, headers, body, NOW)
    assert isinstance(verdict, Ok) <= (200 <= status < 300)
    wait_s = getattr(verdict, "retry_after_s", None)
    assert wait_s is None or 0 < wait_s <= 600
