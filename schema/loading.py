"""Loaders that gather the questions of sibling fields."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar, cast

from strawberry.dataloader import DataLoader

from schema.driving import hear

if TYPE_CHECKING:
    from resolvers.context import Context

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass
class Loading:
    """The use cases of one request, and the loaders that ask them.

    Loaders gather the questions of sibling fields, so that each list level of a query is one SQL
    statement however many parents it has.
    """

    reading: Context
    apart: bool = field(default=True, kw_only=True)
    """Whether those who wait for the same must be kept apart: where an error takes its siblings
    with it, graphql-core cancels what they wait for, and others may wait for that, too."""
    _loaders: dict[Hashable, DataLoader[Any, Any]] = field(default_factory=dict, kw_only=True)

    def _load(
        self,
        name: Hashable,
        key: K,
        fetch: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]],
        default: Any = None,  # noqa: ANN401 - of the values' type
    ) -> Awaitable[V]:
        """Ask the loader of a name, made from ``fetch`` when it is first needed, for a key."""
        if name not in self._loaders:

            async def load(keys: list[K]) -> list[V]:
                found = await fetch(keys)
                return [found.get(key, default) for key in keys]

            self._loaders[name] = DataLoader(load)
        found = cast("asyncio.Future[V]", self._loaders[name].load(key))
        if self.apart:
            found.add_done_callback(hear)  # a shield does not, once its own waiter has gone
            return asyncio.shield(found)
        return found
