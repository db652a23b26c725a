"""What each expected failure means outside: a command's exit code, a response's status."""

from __future__ import annotations

from enum import IntEnum
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from geo.errors import WanggeError


class ExitCode(IntEnum):
    """What a command's exit code says to scripts."""

    FINE = 0
    FINDINGS = 1
    """There are blocking findings."""
    WRONG_USE = 2
    UNREADABLE = 3
    NO_DATABASE = 4
    REFUSED = 5
    """Conflict, not clean, or forbidden."""
    BUG = 70
    """The program failed: EX_SOFTWARE of sysexits.h."""
    INTERRUPTED = 130
    """128 and the number of SIGINT, as shells say it."""
    READER_GONE = 141
    """128 and the number of SIGPIPE, as shells say it."""


class Outcome(NamedTuple):
    """How one kind of failure is told."""

    exit_code: ExitCode
    http_status: HTTPStatus


OUTCOMES: dict[str, Outcome] = {
    "BAD_INPUT": Outcome(ExitCode.WRONG_USE, HTTPStatus.BAD_REQUEST),
    "UNKNOWN": Outcome(ExitCode.WRONG_USE, HTTPStatus.NOT_FOUND),
    "LIMIT_EXCEEDED": Outcome(ExitCode.WRONG_USE, HTTPStatus.BAD_REQUEST),
    "TOO_COSTLY": Outcome(ExitCode.WRONG_USE, HTTPStatus.BAD_REQUEST),
    "UNREADABLE": Outcome(ExitCode.UNREADABLE, HTTPStatus.UNPROCESSABLE_ENTITY),
    "NOT_CLEAN": Outcome(ExitCode.REFUSED, HTTPStatus.CONFLICT),
    "CONFLICT": Outcome(ExitCode.REFUSED, HTTPStatus.CONFLICT),
    "NOT_OPEN": Outcome(ExitCode.REFUSED, HTTPStatus.CONFLICT),
    "NO_NETWORK": Outcome(ExitCode.WRONG_USE, HTTPStatus.NOT_FOUND),
    "NO_EDITION": Outcome(ExitCode.WRONG_USE, HTTPStatus.NOT_FOUND),
    "FORBIDDEN": Outcome(ExitCode.REFUSED, HTTPStatus.FORBIDDEN),
    "UNAUTHENTICATED": Outcome(ExitCode.REFUSED, HTTPStatus.UNAUTHORIZED),
    "NO_DATABASE": Outcome(ExitCode.NO_DATABASE, HTTPStatus.SERVICE_UNAVAILABLE),
}
"""By the error's code."""


def outcome_of(error: WanggeError) -> Outcome:
    """Return how to tell ``error``."""
    return OUTCOMES[error.code]
