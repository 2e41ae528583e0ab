"""Tools that could be taken for another: what a hurried planner would reach for, and say of it."""

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
        "data_processing_parser": ("data_processing_validator", "computation_analyzer"),
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


_WORK: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "file_operations_reader": ("Read the file", "its text"),
        "file_operations_scanner": ("Look for the file", "the names of the files"),
        "file_operations_converter": ("Bring it into the right form", "it in another format"),
        "file_operations_compressor": ("Pack it", "an archive"),
        "file_operations_writer": ("Put it into a file", "the file"),
        "data_processing_parser": ("Take it apart", "it as records"),
        "data_processing_transformer": ("Bring the records into shape", "the records, reshaped"),
        "data_processing_validator": ("Make sure of the records", "a report on the records"),
        "data_processing_filter": ("Pick out the right records", "the records picked out"),
        "data_processing_aggregator": ("Put the figures together", "the figures put together"),
        "network_fetcher": ("Get it from its address", "what the address has"),
        "network_validator": ("Make sure that it can be sent", "a report on what is sent"),
        "network_poster": ("Send it off", "it, received at its address"),
        "network_monitor": ("See whether it answers", "how each address answers"),
        "network_router": ("Pass it on to where it belongs", "it, shared out"),
        "computation_calculator": ("Work the figure out", "the figure"),
        "computation_predictor": ("See how the figures go on", "the trend"),
        "computation_analyzer": ("Look into the figures", "a description of the figures"),
        "computation_simulator": ("Play the figures through", "the range of the figures"),
        "computation_optimizer": ("Settle on the best", "the best choice"),
        "integration_authenticator": ("Sign in first", "a session"),
        "integration_mapper": ("Match up the fields", "the records with matched fields"),
        "integration_queue": ("Line it up for the others", "it in a queue"),
        "integration_scheduler": ("Set it up to be done", "a plan"),
        "integration_connector": ("Open the line to the system", "the system's addresses"),
        "utility_logger": ("Put it on record", "an entry in the log"),
        "utility_cache": ("Keep it at hand", "an entry in the cache"),
        "utility_tracker": ("Mark how it stands", "the status"),
        "utility_helper": ("See what there is", "the names of what is there"),
        "utility_notifier": ("Pass word of it", "a message"),
    }
)
"""Tool → what a step with it is for, and makes, in a planner's words."""


def mistaken(step: Step, used: Collection[str], rng: Random) -> Step:
    """The step with a look-alike of its tool that the plan does not use, if there is one.

    Its words tell the wrong tool's work; the arguments that it knows by the same name stay.
    """
    category = CATALOGUE[step.tool].spec.category
    alike = list(LOOK_ALIKES.get(step.tool, ()))
    rng.shuffle(alike)
    kin = [name for name, tool in CATALOGUE.items() if tool.spec.category == category]
    candidates = [name for name in (*alike, *kin) if name != step.tool]
    wrong = next((name for name in candidates if name not in used), candidates[0])
    purpose, makes = _WORK[wrong]
    arguments = _carried_over(step.arguments, wrong)
    return replace(step, tool=wrong, arguments=arguments, purpose=purpose, makes=makes)


def _carried_over(arguments: Mapping[str, Any], tool: str) -> dict[str, Any]:
    """Arguments that the tool knows, and something for each that it cannot do without."""
    parameters = CATALOGUE[tool].spec.parameters
    known = {k: v for k, v in arguments.items() if k in parameters["properties"]}
    texts = [v for v in arguments.values() if isinstance(v, str)]
    missing = [name for name in parameters["required"] if name not in known]
    return known | dict.fromkeys(missing, texts[0] if texts else "default")
