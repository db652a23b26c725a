"""Every expected failure, each with the stable code that clients and scripts rely on.

WanggeError
├── BadInputError          BAD_INPUT          an argument or a file's content cannot be meant
├── UnknownError           UNKNOWN            a name that is not there: level, unit, draft, …
├── LimitExceededError     LIMIT_EXCEEDED     a list or batch longer than allowed
├── TooCostlyError         TOO_COSTLY         a question that would cost more than allowed
├── UnreadableError        UNREADABLE         a file that cannot be read as what it should be
├── NotCleanError          NOT_CLEAN          a draft with blocking findings
├── ConflictError          CONFLICT           the ground changed since the draft was checked
├── NotOpenError           NOT_OPEN           a draft that is published or discarded already
├── NoNetworkError         NO_NETWORK         walking was asked for, but no streets are loaded
├── NoEditionError         NO_EDITION         nothing was published by that day
├── ForbiddenError         FORBIDDEN          the key may not do that there
├── UnauthenticatedError   UNAUTHENTICATED    no key, or one that is not valid
└── NoDatabaseError        NO_DATABASE        PostGIS is missing or does not answer
"""

from __future__ import annotations

from typing import ClassVar


class WanggeError(Exception):
    """Base of every expected failure. Anything else is a bug and stays masked.

    Parameters
    ----------
    message
        What went wrong, which thing is concerned, and what to do about it.
    extensions
        Facts for programs: ``argument``, ``hint``, ``options``, ``findingIds``.
    """

    code: ClassVar[str] = "WANGGE_ERROR"

    def __init__(self, message: str, **extensions: object) -> None:
        super().__init__(message)
        # graphql-core copies this attribute into the answer's errors.
        self.extensions: dict[str, object] = {"code": self.code, **extensions}


class BadInputError(WanggeError):
    """An argument or a file's content cannot be meant."""

    code = "BAD_INPUT"


class UnknownError(WanggeError):
    """A level, unit, edition or draft of that name does not exist."""

    code = "UNKNOWN"


class LimitExceededError(WanggeError):
    """A list or batch is longer than allowed."""

    code = "LIMIT_EXCEEDED"


class TooCostlyError(WanggeError):
    """A question would cost more than allowed."""

    code = "TOO_COSTLY"


class UnreadableError(WanggeError):
    """A file cannot be read as what it should be."""

    code = "UNREADABLE"


class NotCleanError(WanggeError):
    """A draft has blocking findings that nobody waived."""

    code = "NOT_CLEAN"


class ConflictError(WanggeError):
    """The ground changed since the draft was checked."""

    code = "CONFLICT"


class NotOpenError(WanggeError):
    """A draft is published, discarded or failed: nothing can be done with it."""

    code = "NOT_OPEN"


class NoNetworkError(WanggeError):
    """Walking on streets was asked for, but no street network is loaded."""

    code = "NO_NETWORK"


class NoEditionError(WanggeError):
    """Nothing was published by the day that was asked for."""

    code = "NO_EDITION"


class ForbiddenError(WanggeError):
    """The key does not allow this, or not on this ground."""

    code = "FORBIDDEN"


class UnauthenticatedError(WanggeError):
    """No key was given where one is needed, or it is not valid."""

    code = "UNAUTHENTICATED"


class NoDatabaseError(WanggeError):
    """PostGIS is not installed, not running or does not answer."""

    code = "NO_DATABASE"
