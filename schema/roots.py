"""Root fields asked without the layers between, as those layers would ask them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from graphql import MiddlewareManager
from strawberry.schema.schema_converter import get_arguments

from schema.batches import PointBatch
from schema.guard import ReaderGuard

if TYPE_CHECKING:
    from graphql import GraphQLResolveInfo, GraphQLSchema
    from strawberry.schema.schema_converter import GraphQLCoreConverter
    from strawberry.types.field import StrawberryField

Resolve = Callable[..., Any]

_TAKES_BATCHES = "places_at"
"""The field whose points may come as a batch."""


class Roots(MiddlewareManager):
    """Gives each resolver of a root field its shorter form.

    Parameters
    ----------
    shorter
        By the resolvers that Strawberry made.
    """

    def __init__(self, shorter: dict[Resolve, Resolve]) -> None:
        super().__init__()
        self._shorter = shorter

    def get_field_resolver(self, field_resolver: Resolve) -> Resolve:
        """Return the shorter form of a resolver, or itself."""
        return self._shorter.get(field_resolver, field_resolver)


@cache
def roots_of(schema: GraphQLSchema, converter: GraphQLCoreConverter) -> Roots:
    """Return the shorter forms of a schema's root fields: those that only a guard stands before."""
    shorter: dict[Resolve, Resolve] = {}
    for field in schema.query_type.fields.values() if schema.query_type else ():
        definition = field.extensions.get("strawberry-definition")
        if definition is None or field.resolve is None or definition.base_resolver is None:
            continue
        if [type(one) for one in definition.extensions] == [ReaderGuard] and definition.is_async:
            shorter[field.resolve] = _short(definition, converter)
    return Roots(shorter)


def _short(definition: StrawberryField, converter: GraphQLCoreConverter) -> Resolve:
    """Return what reads the arguments, asks for the right to read, and then for the field."""
    resolver = definition.base_resolver
    if resolver is None:
        raise ValueError(f"{definition.python_name} has no resolver")
    function: Resolve = cast("Resolve", resolver.wrapped_func)  # no classmethod
    make_info = converter.config.info_class
    config, scalars = converter.config, converter.scalar_registry
    takes_batches = definition.python_name == _TAKES_BATCHES

    async def ask(source: Any, raw: GraphQLResolveInfo[Any], **values: Any) -> Any:  # noqa: ANN401 - a resolver
        info: Any = make_info(_raw_info=raw, _field=definition)
        ready = {}
        if takes_batches:
            ready = {key: one for key, one in values.items() if isinstance(one, PointBatch)}
        args, kwargs = get_arguments(
            field=definition,
            source=source,
            info=info,
            kwargs={key: one for key, one in values.items() if key not in ready},
            config=config,
            scalar_registry=scalars,
        )
        await info.context.reading.require_reader()
        return await function(*args, **kwargs, **ready)

    return ask
