"""Which model a reply says that it came from, beside the one that was asked for.

Servers name models as they like: in another case, with an owner, a date, a quantisation, as the
path of a file. That is another spelling. Another model is one whose name says another family,
size or variant than the name that was asked for.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Iterable, Mapping

# Endpoint, and the name under which it said that it answered.
Served = tuple[str, str]
_FILE = re.compile(r"^[/~.\\]|^[A-Za-z]:\\|\.(?:gguf|ggml|bin|safetensors|llamafile)$")
_FAMILIES = re.compile(
    r"claude|command|deepseek|falcon|gemini|gemma|glm|gpt|granite|grok|internlm|jamba|kimi|llama"
    r"|minimax|mistral|mixtral|nemotron|phi|qwen|qwq|yi(?=\b|[-_\d])"
)
_VARIANTS = re.compile(
    r"(?<![a-z])(?:air|coder|distill|flash|haiku|large|lite|max|mini|nano|opus|plus|pro|small"
    r"|sonnet|turbo|vl)(?![a-z])"
)
_SIZE = re.compile(r"(?<![\d.a-z])\d+(?:\.\d+)?(?=b(?![a-z]))")


@functools.lru_cache(1_000)
def is_another(served: str, asked: str) -> bool:
    """Whether `served` names another model than `asked`, not the same in another spelling.

    A name that says nothing of the family, as an alias or a file's path, contradicts none; nor
    does one that leaves a size out. A variant that only one name has, as "mini", does.
    """
    if not served or _squeezed(served) == _squeezed(asked):
        return False
    ours, theirs = _last_part(asked), _last_part(served)
    ours_family, theirs_family = _found(_FAMILIES, ours), _found(_FAMILIES, theirs)
    if not ours_family or not theirs_family:
        return False
    if not ours_family & theirs_family:
        return True
    sizes, theirs_sizes = _found(_SIZE, ours), _found(_SIZE, theirs)
    if sizes and theirs_sizes and not sizes & theirs_sizes:
        return True
    return not _FILE.search(served) and _found(_VARIANTS, ours) != _found(_VARIANTS, theirs)


def others(served: Mapping[Served, int], asked: str) -> int:
    """Replies that name another model than results are filed under, and not the deployment's.

    A deployment's name begins its endpoint's.
    """
    return sum(
        count
        for (endpoint, name), count in served.items()
        if is_another(name, asked) and not _is_same(name, endpoint.partition("@")[0])
    )


def changed(served: Mapping[Served, int]) -> int:
    """Replies under another name than the commonest of their endpoint.

    Endpoints may spell a model each in its own way; one whose name contradicts the commonest of
    all endpoints has changed too.
    """
    chief: dict[str, str] = {}
    by_name: Counter[str] = Counter()
    for (endpoint, name), count in sorted(served.items(), key=lambda pair: (-pair[1], pair[0])):
        chief.setdefault(endpoint, name)
        by_name[name] += count
    common = min(by_name, key=lambda name: (-by_name[name], name), default="")
    return sum(
        count
        for (endpoint, name), count in served.items()
        if name != chief[endpoint] or is_another(name, common)
    )


def summed(parts: Iterable[Iterable[tuple[Served, int]]]) -> Counter[Served]:
    """Replies by endpoint and name."""
    total: Counter[Served] = Counter()
    for part in parts:
        for served, count in part:
            total[served] += count
    return total


def _is_same(served: str, asked: str) -> bool:
    known = _found(_FAMILIES, _last_part(served)) & _found(_FAMILIES, _last_part(asked))
    return bool(known) and not is_another(served, asked)


def _last_part(name: str) -> str:
    return re.split(r"[/\\]", name.casefold())[-1]


def _found(form: re.Pattern[str], name: str) -> frozenset[str]:
    return frozenset(form.findall(name))


def _squeezed(name: str) -> str:
    return "".join(c for c in name.casefold() if c.isalnum())
