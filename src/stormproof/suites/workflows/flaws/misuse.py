"""Tools that could be taken for another: what a careless planner would reach for."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from random import Random
from types import MappingProxyType
from typing import Any

from msgspec.structs import replace

from stormproof.domain.tasks import Step
from stormproof.suites.workflows.tools import CATALOGUE

LOOK_ALIKES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "file_operations_reader": ("file_operations_scanner", "network_fetcher"),
        "file_operations_scanner": ("file_operations_reader", "utility_helper"),
        "file_operations_converter": ("data_processing_transformer", "integration_mapper"),
        "file_operations_compressor": ("file_operations_converter", "utility_cache"),
        "file_operations_writer": ("utility_cache", "utility_logger"),
        "data_processing_parser": ("data_processing_validator", "file_operations_converter"),
        "data_processing_transformer": ("integration_mapper", "file_operations_converter"),
        "data_processing_validator": ("network_validator", "data_processing_filter"),
        "data_processing_filter": ("file_operations_scanner", "network_router"),
        "data_processing_aggregator": ("computation_analyzer", "computation_calculator"),
        "network_fetcher": ("network_monitor", "integration_connector"),
        "network_validator": ("data_processing_validator", "network_monitor"),
        "network_poster": ("network_router", "integration_queue"),
        "network_monitor": ("network_fetcher", "utility_tracker"),
        "network_router": ("data_processing_filter", "integration_queue"),
        "computation_calculator": ("data_processing_aggregator", "computation_predictor"),
        "computation_predictor": ("computation_simulator", "computation_analyzer"),
        "computation_analyzer": ("data_processing_aggregator", "computation_predictor"),
        "computation_simulator": ("computation_predictor", "computation_calculator"),
        "computation_optimizer": ("data_processing_filter", "computation_analyzer"),
        "integration_authenticator": ("integration_connector", "network_monitor"),
        "integration_mapper": ("data_processing_transformer", "file_operations_converter"),
        "integration_queue": ("integration_scheduler", "utility_cache"),
        "integration_scheduler": ("integration_queue", "utility_tracker"),
        "integration_connector": ("integration_authenticator", "network_fetcher"),
        "utility_logger": ("utility_tracker", "utility_notifier"),
        "utility_cache": ("integration_queue", "utility_tracker"),
        "utility_tracker": ("utility_logger", "utility_helper"),
        "utility_helper": ("utility_tracker", "file_operations_scanner"),
        "utility_notifier": ("utility_logger", "integration_queue"),
    }
)


def mistaken(step: Step, used: Collection[str], rng: Random) -> Step:
    """The step with a look-alike of its tool that the plan does not use, if there is one.

    Its purpose stays; so do the arguments that the wrong tool knows by the same name.
    """
    category = CATALOGUE[step.tool].spec.category
    alike = list(LOOK_ALIKES.get(step.tool, ()))
    rng.shuffle(alike)
    kin = [name for name, tool in CATALOGUE.items() if tool.spec.category == category]
    candidates = [name for name in (*alike, *kin) if name != step.tool]
    wrong = next((name for name in candidates if name not in used), candidates[0])
    return replace(step, tool=wrong, arguments=_carried_over(step.arguments, wrong))


def _carried_over(arguments: Mapping[str, Any], tool: str) -> dict[str, Any]:
    """Arguments that the tool knows, and something for each that it cannot do without."""
    parameters = CATALOGUE[tool].spec.parameters
    known = {k: v for k, v in arguments.items() if k in parameters["properties"]}
    texts = [v for v in arguments.values() if isinstance(v, str)]
    missing = [name for name in parameters["required"] if name not in known]
    return known | dict.fromkeys(missing, texts[0] if texts else "default")
