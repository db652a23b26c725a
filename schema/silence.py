"""How graphql-core executes: it tells no names of the schema to those who may not ask for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

if TYPE_CHECKING:
    from graphql import DocumentNode, GraphQLSchema


class Executor(StrawberryGraphQLCoreExecutionContext):
    """Strawberry's, which says of a wrong variable what may have been meant only to some."""

    @classmethod
    def build(
        cls,
        schema: GraphQLSchema,
        document: DocumentNode,
        root_value: object = None,
        context_value: Any = None,  # noqa: ANN401 - Strawberry's
        *args: Any,  # noqa: ANN401 - graphql-core's
        **kwargs: Any,  # noqa: ANN401 - likewise
    ) -> Any:  # noqa: ANN401 - itself, or a list of errors
        """Read the variables; what is wrong with them is returned as a list of errors."""
        limits = getattr(context_value, "limits", None)
        kwargs["hide_suggestions"] = limits is not None and not limits.introspection
        return super().build(schema, document, root_value, context_value, *args, **kwargs)
