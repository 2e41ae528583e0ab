"""Other goals that a plan can slide to: each a sound plan, for something that nobody asked."""

from __future__ import annotations

from stormproof.domain.tasks import Step

_HEALTH = (
    Step(
        "network_monitor",
        {},
        "See whether all services answer",
        "the known addresses",
        "a table of service health",
    ),
    Step(
        "computation_analyzer",
        {},
        "Look for services that answer badly",
        "the table of service health",
        "a picture of the weak services",
    ),
    Step(
        "utility_tracker",
        {"name": "service-health", "status": "reviewed"},
        "Note that service health was reviewed",
        "the picture of the weak services",
        "the status of the review",
    ),
    Step(
        "integration_scheduler",
        {"job": "service-health-check", "every": "hour"},
        "Have service health checked every hour",
        "the status of the review",
        "a job for service health",
    ),
    Step(
        "utility_notifier",
        {"recipient": "on-call", "message": "Service health was reviewed."},
        "Tell the people on call about service health",
        "the picture of the weak services",
        "a message to the people on call",
    ),
    Step(
        "utility_logger",
        {"message": "service health reviewed"},
        "Write service health to the log",
        "the picture of the weak services",
        "a log entry on service health",
    ),
    Step(
        "integration_connector",
        {},
        "Open a line to the monitoring system",
        "the systems at hand",
        "a connection to the monitoring system",
    ),
    Step(
        "utility_helper",
        {},
        "See what else could be monitored",
        "the workspace",
        "a list of what could be monitored",
    ),
)
_FORECAST = (
    Step(
        "computation_predictor",
        {"steps": 6},
        "Forecast the next half year",
        "the figures so far",
        "a forecast for six months",
    ),
    Step(
        "computation_simulator",
        {"steps": 12, "runs": 500},
        "Simulate how the forecast may vary",
        "the forecast for six months",
        "a range for the forecast",
    ),
    Step(
        "utility_cache",
        {"key": "forecast"},
        "Keep the forecast for the planning round",
        "the range for the forecast",
        "the forecast under its key",
    ),
    Step(
        "integration_scheduler",
        {"job": "forecast-update", "every": "month"},
        "Have the forecast made anew every month",
        "the forecast under its key",
        "a job for the forecast",
    ),
    Step(
        "utility_tracker",
        {"name": "forecast", "status": "published"},
        "Note that the forecast was published",
        "the forecast under its key",
        "the status of the forecast",
    ),
    Step(
        "utility_notifier",
        {"recipient": "planning", "message": "The new forecast is ready."},
        "Tell planning that the forecast is ready",
        "the status of the forecast",
        "a message to planning",
    ),
    Step(
        "utility_logger",
        {"message": "forecast published"},
        "Write the forecast to the log",
        "the status of the forecast",
        "a log entry on the forecast",
    ),
    Step(
        "integration_queue",
        {"name": "forecasts"},
        "Hand the forecast on",
        "the forecast under its key",
        "the forecast in a queue",
    ),
)
_ARCHIVE = (
    Step(
        "file_operations_scanner",
        {"pattern": "*"},
        "Find everything that could be archived",
        "the workspace",
        "a list of old files",
    ),
    Step(
        "file_operations_compressor",
        {"method": "zip"},
        "Pack the old files to save space",
        "the list of old files",
        "an archive of the old files",
    ),
    Step(
        "utility_cache",
        {"key": "archive"},
        "Keep the archive where it can be found",
        "the archive of the old files",
        "the archive under its key",
    ),
    Step(
        "integration_queue",
        {"name": "archive"},
        "Hand the archive to long-term storage",
        "the archive of the old files",
        "the archive in a queue",
    ),
    Step(
        "utility_tracker",
        {"name": "archive", "status": "stored"},
        "Note that the archive was stored",
        "the archive in a queue",
        "the status of the archive",
    ),
    Step(
        "integration_scheduler",
        {"job": "archive-clean-up", "every": "week"},
        "Have the workspace cleaned up every week",
        "the status of the archive",
        "a job for the clean-up",
    ),
    Step(
        "utility_logger",
        {"message": "archive stored"},
        "Write the archive to the log",
        "the status of the archive",
        "a log entry on the archive",
    ),
    Step(
        "utility_notifier",
        {"recipient": "facilities", "message": "Old files were archived."},
        "Tell facilities that space was freed",
        "the status of the archive",
        "a message to facilities",
    ),
)
DRIFTS = (_HEALTH, _FORECAST, _ARCHIVE)
