"""Who may ask: every root field goes through here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import strawberry
from strawberry.extensions import FieldExtension

from schema.request import RequestContext


class ReaderGuard(FieldExtension):
    """Refuse a root field to those who may not read."""

    async def resolve_async(
        self,
        next_: Callable[..., Awaitable[Any]],
        source: Any,  # noqa: ANN401 - the root has no value
        info: strawberry.Info,
        **kwargs: Any,  # noqa: ANN401 - the field's arguments
    ) -> Any:  # noqa: ANN401 - the field's value
        """Ask for the right to read, then for the field."""
        context: RequestContext = info.context
        await context.reading.require_reader()
        return await next_(source, info, **kwargs)


class ChangeGuard(ReaderGuard):
    """Let a field that changes something begin with what is so now."""

    async def resolve_async(
        self,
        next_: Callable[..., Awaitable[Any]],
        source: Any,  # noqa: ANN401 - the root has no value
        info: strawberry.Info,
        **kwargs: Any,  # noqa: ANN401 - the field's arguments
    ) -> Any:  # noqa: ANN401 - the field's value
        """Forget what the changes before it in the same request have looked up."""
        context: RequestContext = info.context
        context.renew()
        try:
            return await super().resolve_async(next_, source, info, **kwargs)
        finally:
            # whoever asks this process after the answer sees the change, told of it or not yet
            context.reading.shared.known.forget()


def root(description: str) -> Any:  # noqa: ANN401 - strawberry.field is typed so
    """Return the decorator of a root field."""
    return strawberry.field(description=description, extensions=[ReaderGuard()])


def change(description: str) -> Any:  # noqa: ANN401 - strawberry.field is typed so
    """Return the decorator of a root field that changes something."""
    return strawberry.mutation(description=description, extensions=[ChangeGuard()])
