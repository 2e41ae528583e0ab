"""Tool search: lexical (Okapi BM25), deterministic, without network or index files.

A tool's document is its name's words (counted thrice), description, parameters and results. Words
are reduced to a common stem ("reading", "reads" → "read") and everyday synonyms of the
operations are known ("upload" → "post", "csv" → "parse"). Thirty documents need no library: a
query costs about 20 µs, where building arrays alone would cost more.
"""

from __future__ import annotations

import functools
import math
import re
from collections import Counter

from msgspec import Struct

from windtunnel.domain.tasks import ToolSpec
from windtunnel.suite.tools import CATALOGUE

LONGEST_QUERY = 500
K1 = 1.2  # how soon repeating a word stops to count
B = 0.75  # how much long documents are discounted
_NAME_WEIGHT = 3
_SYNONYM_WEIGHT = 0.5
_WORD = re.compile(r"[a-z0-9]+")
_ENDINGS = (
    *("ations", "ation", "ators", "ator", "ings", "ing"),
    *("ers", "er", "ors", "or", "ed", "es", "s", "e"),
)  # longer ones first
_SHORTEST_STEM = 3
_STOP = frozenset(
    ["a", "an", "and", "or", "the", "to", "of", "in", "for", "with", "it", "is", "by", "on", "tool"]
)
_SYNONYMS = {
    "load": "reader",
    "open": "reader",
    "list": "scanner",
    "find": "scanner",
    "zip": "compressor",
    "archive": "compressor",
    "save": "writer",
    "store": "writer",
    "export": "writer",
    "output": "writer",
    "extract": "parser",
    "csv": "parser",
    "json": "parser",
    "xml": "parser",
    "change": "transformer",
    "reshape": "transformer",
    "rename": "transformer",
    "clean": "transformer",
    "check": "validator",
    "verify": "validator",
    "schema": "validator",
    "select": "filter",
    "group": "aggregator",
    "summarize": "aggregator",
    "total": "aggregator",
    "download": "fetcher",
    "get": "fetcher",
    "api": "fetcher",
    "request": "fetcher",
    "upload": "poster",
    "send": "poster",
    "submit": "poster",
    "publish": "poster",
    "health": "monitor",
    "dispatch": "router",
    "math": "calculator",
    "forecast": "predictor",
    "regression": "predictor",
    "trend": "predictor",
    "statistics": "analyzer",
    "insight": "analyzer",
    "montecarlo": "simulator",
    "best": "optimizer",
    "login": "authenticator",
    "token": "authenticator",
    "credential": "authenticator",
    "flatten": "mapper",
    "message": "queue",
    "enqueue": "queue",
    "cron": "scheduler",
    "link": "connector",
    "record": "logger",
    "remember": "cache",
    "progress": "tracker",
    "help": "helper",
    "alert": "notifier",
    "email": "notifier",
    "inform": "notifier",
}


class _Document(Struct, frozen=True):
    spec: ToolSpec
    counts: dict[str, int]
    length: int


class _Index(Struct, frozen=True):
    documents: tuple[_Document, ...]
    rarity: dict[str, float]
    mean_length: float


def search(query: str, limit: int = 5) -> tuple[ToolSpec, ...]:
    """The tools that fit a query best, best first; ties in the catalogue's order.

    Tools that share no word with the query are left out, so the answer may be empty.
    """
    return _search(query[:LONGEST_QUERY], limit)


@functools.lru_cache(maxsize=4096)
def _search(query: str, limit: int) -> tuple[ToolSpec, ...]:
    index = _index()
    words = _weighted(query)
    scored = [(_score(index, document, words), document.spec) for document in index.documents]
    scored.sort(key=lambda each: -each[0])
    return tuple(spec for score, spec in scored[: max(0, limit)] if score > 0)


def _weighted(query: str) -> dict[str, float]:
    """The query's stems with their weights; a synonym's counts less than the word itself."""
    weights: dict[str, float] = {}
    for word in dict.fromkeys(_WORD.findall(query.lower())):
        if word in _STOP:
            continue
        weights[_stem(word)] = 1.0
        synonym = _SYNONYMS.get(word) or _SYNONYMS.get(word.removesuffix("s"))
        if synonym:
            weights.setdefault(_stem(synonym), _SYNONYM_WEIGHT)
    return weights


def _score(index: _Index, document: _Document, words: dict[str, float]) -> float:
    """Okapi BM25: Σ weight × idf × f × (k1 + 1) / (f + k1 × (1 - b + b × length / mean))."""
    scale = K1 * (1 - B + B * document.length / index.mean_length)
    return sum(
        weight * index.rarity[word] * count * (K1 + 1) / (count + scale)
        for word, weight in words.items()
        if (count := document.counts.get(word, 0))
    )


@functools.cache
def _index() -> _Index:
    documents = tuple(_document(tool.spec) for tool in CATALOGUE.values())
    found = Counter(word for document in documents for word in document.counts)
    many = len(documents)
    rarity = {w: math.log(1 + (many - n + 0.5) / (n + 0.5)) for w, n in found.items()}
    return _Index(documents, rarity, sum(d.length for d in documents) / many)


def _document(spec: ToolSpec) -> _Document:
    about = [spec.description, *spec.returns.values()]
    about += list(spec.parameters["properties"])
    words = _stems(" ".join(about)) + _stems(spec.name.replace("_", " ")) * _NAME_WEIGHT
    return _Document(spec, dict(Counter(words)), len(words))


def _stems(text: str) -> list[str]:
    return [_stem(word) for word in _WORD.findall(text.lower()) if word not in _STOP]


def _stem(word: str) -> str:
    """The word without its commonest ending; a doubled last letter is single."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST_STEM:
            word = word.removesuffix(ending)
            break
    return word[:-1] if len(word) > _SHORTEST_STEM and word[-1] == word[-2] else word
