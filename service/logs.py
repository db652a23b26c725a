"""How the process logs: plain lines for people, or one JSON object a line for machines."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

import orjson

from service.http_trace import REQUEST_ID

if TYPE_CHECKING:
    from service.settings import Settings


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, message, the request's id, and facts."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as JSON."""
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        told: dict[str, Any] = {  # JSON
            "time": f"{moment}.{int(record.msecs):03}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if REQUEST_ID.get():
            told["request_id"] = REQUEST_ID.get()
        told |= getattr(record, "facts", {})
        if record.exc_info:
            told["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(told, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


class PlainLines(logging.Formatter):
    """The message, and of which request it is."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as a line."""
        named = REQUEST_ID.get()
        return super().format(record) + (f" [{named}]" if named else "")


def log_config(settings: Settings) -> dict[str, Any]:  # as logging.config.dictConfig wants it
    """Return how the process and its workers log, for :func:`logging.config.dictConfig`."""
    level = settings.log_level.upper()
    formatter = JsonLines if settings.log_format == "json" else PlainLines
    # Only our own lines are told below warnings: a library's may hold what is sent.
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": {"()": formatter}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "lines"}},
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {"wangge": {"level": level}, "service": {"level": level}},
    }
