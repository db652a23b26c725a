"""What is worked out for the operations of a text once, for all requests that ask it again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, cast

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLResolveInfoHelpers,
    Visitor,
    get_operation_ast,
    visit,
)
from graphql.execution.collect_fields import FragmentDetails, collect_fields, collect_subfields

from schema.columns import columns_of
from schema.executor import Run
from schema.given import Variables, variables_of
from schema.shape import MOST_SHAPES

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from graphql import (
        DirectiveNode,
        DocumentNode,
        GraphQLObjectType,
        GraphQLSchema,
        OperationDefinitionNode,
    )
    from graphql.execution.values import VariableValues
    from strawberry.schema.schema_converter import GraphQLCoreConverter

    from schema.batches import PointBatch
    from schema.columns import Column, Details
    from schema.request import RequestContext
    from storage.units import Wanted

    Selected = dict[str, Details]


class Shape:
    """An operation, when it is known which of its parts are skipped.

    Attributes
    ----------
    columns
        Its root fields; None where graphql-core must ask one of them.
    wanted
        What fields want to read, found by look-ahead; None where that depends on variables.
    """

    def __init__(self, columns: list[Column] | None, wanted: dict[Hashable, Wanted] | None) -> None:
        self.columns = columns
        self.wanted = wanted


class Operation:
    """One query of a valid text.

    Parameters
    ----------
    name
        None: the only operation.
    """

    def __init__(self, schema: GraphQLSchema, document: DocumentNode, name: str | None) -> None:
        self.schema = schema
        self.node = cast("OperationDefinitionNode", get_operation_ast(document, name))
        self.fragments = {
            one.name.value: one
            for one in document.definitions
            if isinstance(one, FragmentDefinitionNode)
        }
        self.make_info = self.converter.config.info_class
        self.helpers = GraphQLResolveInfoHelpers(gather=_no_help, track=_no_help)
        self._details = {key: FragmentDetails(one) for key, one in self.fragments.items()}
        self._variables = Variables(schema, self.node)
        self._steering = sorted(_steering(document))
        self._is_still = _is_still(self.node, self.fragments)
        self._shapes: dict[tuple[object, ...], Shape] = {}

    @property
    def converter(self) -> GraphQLCoreConverter:
        """What turns arguments into Python's values."""
        # Strawberry hangs itself on the schema that it makes
        schema: Any = self.schema
        return cast("GraphQLCoreConverter", schema._strawberry_schema.schema_converter)

    def batches(self, given: Mapping[str, Any]) -> dict[str, PointBatch]:
        """Return the variables that are batches of points."""
        return self._variables.batches(given)

    def run(
        self,
        given: Mapping[str, Any],
        context: RequestContext,
        root: object,
        batches: Mapping[str, PointBatch] | None = None,
    ) -> tuple[Run, list[Column]] | None:
        """Return a run for a request, and the columns that it is to answer.

        Parameters
        ----------
        given
            Variables as they came.
        batches
            Those of them that are batches of points, where that was looked at already.

        Returns
        -------
        tuple or None
            None where graphql-core must answer.
        """
        variables = self._variables.read(given, batches)
        if variables is None:
            return None
        run = Run(self, variables, context, root)
        shape = self._shape(run)
        if shape.columns is None:
            return None
        if shape.wanted is not None:
            context.wanted = shape.wanted
        return run, shape.columns

    def _shape(self, run: Run) -> Shape:
        key = tuple(run.variables.coerced.get(name) for name in self._steering)
        shape = self._shapes.get(key)
        if shape is None:
            if len(self._shapes) >= MOST_SHAPES:
                self._shapes.clear()
            shape = self._shapes[key] = Shape(self._columns(run), {} if self._is_still else None)
        return shape

    def _columns(self, run: Run) -> list[Column] | None:
        """Return the root fields that are selected; None where that cannot be known."""
        kind = cast("GraphQLObjectType", self.schema.query_type)
        try:
            found = collect_fields(self.schema, self._details, run.variables, kind, self.node)
        except GraphQLError:  # a variable of @skip or @include is null: graphql-core says which
            return None
        return columns_of(kind, found.grouped_field_set, None, run)

    def below(
        self, kind: GraphQLObjectType, details: Details, variables: VariableValues
    ) -> Selected:
        """Return the fields of a type that are selected below a field."""
        found = collect_subfields(self.schema, self._details, variables, self.node, kind, details)
        return found.grouped_field_set


def _no_help(*_: object) -> NoReturn:
    """Refuse what resolvers of graphql-core's own may ask for, and ours do not."""
    raise NotImplementedError("resolvers wait for what they begin by themselves")


def _steering(document: DocumentNode) -> set[str]:
    """Return the names of the variables that say what is skipped."""
    found: set[str] = set()

    class Look(Visitor):
        def enter_directive(self, node: DirectiveNode, *_: object) -> None:
            found.update(variables_of(node))

    visit(document, Look())
    return found


def _is_still(
    node: OperationDefinitionNode, fragments: Mapping[str, FragmentDefinitionNode]
) -> bool:
    """Return whether no variable says anything below root fields: what they want stays the same."""
    below = [
        one.selection_set if isinstance(one, FieldNode) else one
        for one in node.selection_set.selections
    ]
    return not variables_of(*(one for one in below if one is not None), *fragments.values())
