"""Errors on their way out: expected ones with their code, anything else masked."""

from __future__ import annotations

import logging
import secrets

from graphql import GraphQLError

from geo.errors import BadInputError, WanggeError

LOG = logging.getLogger("wangge.graphql")

MASK = "Unexpected error."


def shown(error: GraphQLError) -> GraphQLError:
    """Return an error as the client may see it; one that is masked is logged."""
    cause = error.original_error
    while isinstance(cause, GraphQLError) and cause.original_error is not None:
        cause = cause.original_error
    if isinstance(cause, WanggeError):
        return error
    # Syntax, validation and the coercion of arguments: graphql-core says what the client did
    # wrong, before any field runs or as an error of its own.
    if error.path is None or cause is None or isinstance(cause, GraphQLError):
        return _with(error, error.message, {"code": BadInputError.code})
    reference = secrets.token_hex(8)
    LOG.error("unexpected error %s at %s", reference, error.path, exc_info=cause)
    return _with(error, MASK, {"reference": reference})


def _with(error: GraphQLError, message: str, extensions: dict[str, object]) -> GraphQLError:
    return GraphQLError(
        message,
        nodes=error.nodes,
        source=error.source,
        positions=error.positions,
        path=error.path,
        extensions=extensions,
    )
