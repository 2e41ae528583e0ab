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

from stormproof.domain.tasks import ToolSpec
from stormproof.suites.workflows.tools import CATALOGUE

LONGEST_QUERY = 500
K1 = 1.2  # how soon repeating a word stops to count
B = 0.75  # how much long documents are discounted
_NAME_WEIGHT = 3
_SYNONYM_WEIGHT = 0.8
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
    "reader": "load open ingest import",
    "scanner": "list find search browse detect",
    "converter": "format",
    "compressor": "zip archive pack shrink",
    "writer": "save store export output persist",
    "parser": "extract decode structure",
    "transformer": "change reshape rename clean normalize modify",
    "validator": "check verify schema ensure quality",
    "filter": "select exclude subset",
    "aggregator": "group summarize total combine merge count",
    "fetcher": "download get api request retrieve",
    "poster": "upload submit publish deliver",
    "monitor": "health status watch availability uptime",
    "router": "dispatch direct distribute",
    "calculator": "math arithmetic sum formula",
    "predictor": "forecast regression trend",
    "analyzer": "statistic statistical analysis analytic analytical insight describe",
    "simulator": "montecarlo simulation scenario",
    "optimizer": "best optimal optimization maximize knapsack budget",
    "authenticator": "login token credential auth security session authorization",
    "mapper": "flatten nested",
    "queue": "message enqueue",
    "scheduler": "cron plan timer",
    "connector": "link integrate connection",
    "logger": "record trace audit",
    "cache": "remember memory",
    "tracker": "progress follow",
    "helper": "help assist guide",
    "notifier": "alert email inform",
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


@functools.lru_cache(maxsize=256)
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
        synonym = _synonyms().get(_stem(word))
        if synonym:
            weights.setdefault(synonym, _SYNONYM_WEIGHT)
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


@functools.cache
def _synonyms() -> dict[str, str]:
    return {
        _stem(word): _stem(operation)
        for operation, words in _SYNONYMS.items()
        for word in words.split()
    }


def _stems(text: str) -> list[str]:
    return [_stem(word) for word in _WORD.findall(text.lower()) if word not in _STOP]


def _stem(word: str) -> str:
    """The word without its commonest ending; a doubled last letter is single."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST_STEM:
            word = word.removesuffix(ending)
            break
    return word[:-1] if len(word) > _SHORTEST_STEM and word[-1] == word[-2] else word
