"""Errors on their way out: expected ones with their code, anything else masked."""

from __future__ import annotations

import logging
import secrets
from typing import TYPE_CHECKING

from graphql import GraphQLError

from geo.errors import BadInputError, WanggeError
from schema.ids import IdKind, encode

if TYPE_CHECKING:
    from collections.abc import Mapping

LOG = logging.getLogger("wangge.graphql")

MASK = "Unexpected error."
FINDINGS = "findingIds"


def shown(error: GraphQLError, *, began: bool = False) -> GraphQLError:
    """Return an error as the client may see it; one that is masked is logged.

    Parameters
    ----------
    began
        Whether the operation had begun, so that an error of no field is one all the same: that
        of a subscription's source.
    """
    try:
        return _shown(error, began=began)
    finally:
        forget_frames(error)


def _shown(error: GraphQLError, *, began: bool) -> GraphQLError:
    cause = error.original_error
    while isinstance(cause, GraphQLError) and cause.original_error is not None:
        cause = cause.original_error
    if isinstance(cause, WanggeError):
        return _with(error, error.message, _for_clients(cause.extensions))
    # Syntax, validation and the coercion of arguments: graphql-core says what the client did
    # wrong, before any field runs or as an error of its own.
    of_client = error.path is None and not began
    if of_client or cause is None or isinstance(cause, GraphQLError):
        return _with(error, error.message, {"code": BadInputError.code})
    reference = secrets.token_hex(8)
    LOG.error("unexpected error %s at %s", reference, error.path, exc_info=cause)
    return _with(error, MASK, {"reference": reference})


def _for_clients(facts: Mapping[str, object]) -> dict[str, object]:
    """Return what an error says with findings named as the API names them."""
    named = facts.get(FINDINGS)
    if not isinstance(named, list):
        return dict(facts)
    return {**facts, FINDINGS: [encode(IdKind.FINDING, str(key)) for key in named]}


def _with(error: GraphQLError, message: str, extensions: dict[str, object]) -> GraphQLError:
    return GraphQLError(
        message,
        nodes=error.nodes,
        source=error.source,
        positions=error.positions,
        path=error.path,
        extensions=extensions,
    )


def forget_frames(error: BaseException | None) -> None:
    """Let an error that was told not hold all that was at work when it came up.

    The frames know the question with its variables, and its answer, which knows the error: a
    circle of a hundred thousand values, that the collector of garbage would have to find.
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        error.__traceback__ = None
        inner = getattr(error, "original_error", None)
        error = inner or error.__cause__ or error.__context__
