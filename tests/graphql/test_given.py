"""Variables and arguments are read as graphql-core and Strawberry read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest
from graphql import FieldNode, OperationDefinitionNode, parse
from graphql.execution.values import get_argument_values, get_variable_values
from hypothesis import given
from hypothesis import strategies as st
from strawberry.schema.schema_converter import get_arguments

from schema.batches import PointBatch
from schema.build import schema
from schema.given import Variables, reader_of, variables_of

if TYPE_CHECKING:
    from graphql.execution.values import VariableValues

CORE = schema._schema
CONVERTER = schema.schema_converter

TYPES = (
    "Int",
    "Int!",
    "Float = 1.5",
    "String! = null_is_wrong",
    "Boolean",
    "ID!",
    "Date",
    "JSON",
    "Datum = GCJ02",
    "PointInput",
    "PointInput!",
    "[PointInput!]",
    "[PointInput!]!",
    "[Float!]",
    "[[Int]]",
    "UnitRef",
)
TEXTS = [
    f"query ($a: {kind}) {{ __typename @skip(if: false) }}".replace("null_is_wrong", '"x"')
    for kind in TYPES
]

ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda below: (
        st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=3), below, max_size=3)
    ),
    max_leaves=6,
)
NUMBERS = st.floats(-200, 200) | st.integers(-200, 200) | ANY
POINTS = st.fixed_dictionaries(
    {"lon": NUMBERS, "lat": NUMBERS},
    optional={"datum": st.sampled_from(["WGS84", "GCJ02", "BD09", "gcj02", None, 3]), "x": ANY},
)
REFS = st.fixed_dictionaries({"level": st.text(max_size=3) | ANY}, optional={"code": ANY})
WORDS = st.sampled_from(["2026-02-29", "2026-11-22", "WGS84", "7", "NaN"])
VALUES = ANY | POINTS | st.lists(POINTS, max_size=12) | REFS | WORDS | st.integers(-(2**32), 2**32)


def operation_of(text: str) -> OperationDefinitionNode:
    """Return the only operation of a text."""
    return cast("OperationDefinitionNode", parse(text).definitions[0])


def read(text: str, variables: dict[str, Any]) -> VariableValues | None:
    """Read variables as the fast way does."""
    return Variables(CORE, operation_of(text)).read(variables)


@given(st.sampled_from(TEXTS), VALUES | st.just(...))
def test_variables_are_read_as_graphql_core_reads_them(text: str, value: object) -> None:
    variables = {} if value is ... else {"a": value}

    ours = read(text, variables)

    theirs = get_variable_values(CORE, operation_of(text).variable_definitions or (), variables)
    if isinstance(theirs, list):
        assert ours is None, "graphql-core tells what is wrong"
    else:
        assert ours is not None
        assert _plain(ours.coerced) == _plain(theirs.coerced)


def _plain(coerced: dict[str, Any]) -> str:
    """Return values as text: 1, 1.0 and true differ in it, and NaN is NaN."""
    return repr({name: list(one) if _is_long(one) else one for name, one in coerced.items()})


def _is_long(value: object) -> bool:
    return hasattr(value, "lonlat")  # a batch of points, which reads as a list


ASKED = (
    ("placeAt", "query ($p: PointInput!, $l: String) { placeAt(point: $p, level: $l) { reason } }"),
    ("placeAt", "query ($x: Float!) { placeAt(point: {lon: $x, lat: 1}) { reason } }"),
    ("placeAt", '{ placeAt(point: {lon: 1, lat: 2, datum: BD09}, asOf: "2026-02-01") { reason } }'),
    ("placesAt", "query ($ps: [PointInput!]!) { placesAt(points: $ps) { code } }"),
    ("placesAt", "{ placesAt(points: {lon: 1, lat: 2}) { code } }"),
    (
        "units",
        """query ($box: [Float!], $within: UnitRef, $n: Int = 7) {
            units(level: "grid", bbox: $box, within: $within, first: $n) { totalCount } }""",
    ),
    (
        "units",
        'query ($l: String = "grid") { units(level: $l, properties: {a: [1]}) { totalCount } }',
    ),
)
GIVEN: dict[str, Any] = {
    "p": {"lon": 1, "lat": 2.5, "datum": "GCJ02"},
    "ps": [{"lon": 1, "lat": 2}, {"lon": 3, "lat": 4, "datum": None}],
    "x": 3,
    "box": [1, 2, 3, 4],
    "within": {"level": "district", "code": "01"},
}


@pytest.mark.parametrize("null", [False, True])
@pytest.mark.parametrize(("name", "text"), ASKED)
def test_arguments_are_read_as_strawberry_reads_them(name: str, text: str, null: bool) -> None:
    node = cast("FieldNode", operation_of(text).selection_set.selections[0])
    field = (CORE.query_type or pytest.fail("no queries")).fields[name]
    nullable = {"box", "within"} if name == "units" else {"l"}
    given_now = {**GIVEN, **dict.fromkeys(nullable)} if null else GIVEN
    variables = read(text, given_now)
    assert variables is not None

    ours = reader_of(field, node, CONVERTER)(variables)

    definition = field.extensions["strawberry-definition"]
    info: Any = object()
    _, theirs = get_arguments(
        field=definition,
        source=None,
        info=info,
        kwargs=get_argument_values(field, node, variables),
        config=CONVERTER.config,
        scalar_registry=CONVERTER.scalar_registry,
    )
    assert theirs.pop("info") is info
    assert ours == theirs
    assert list(map(type, ours.values())) == list(map(type, theirs.values()))


def test_points_are_those_of_the_operation_that_asks() -> None:
    document = parse(
        "query A($p: [PointInput!]!) { placesAt(points: $p) { code } } "
        "query B($p: [UnitRef!]!) { __typename }"
    )
    points = [{"lon": 0.01 * number, "lat": 30} for number in range(20)]
    of_points, of_units = (
        Variables(CORE, cast("OperationDefinitionNode", one)).read({"p": points})
        for one in document.definitions
    )

    assert of_points is not None
    assert isinstance(of_points.coerced["p"], PointBatch)
    assert of_units is None, "a point is no unit"


def test_a_list_that_all_requests_share_is_given_to_each_as_its_own() -> None:
    text = '{ units(level: "grid", codes: ["1"]) { totalCount } }'
    node = cast("FieldNode", operation_of(text).selection_set.selections[0])
    field = (CORE.query_type or pytest.fail("no queries")).fields["units"]
    variables = read(text, {})
    assert variables is not None
    reader = reader_of(field, node, CONVERTER)

    reader(variables)["codes"].append("2")

    assert reader(variables)["codes"] == ["1"]


def test_variables_are_found_however_deep_they_are() -> None:
    text = "query ($a: Int, $b: Int, $c: Boolean!) { x(a: [{b: $a}]) @skip(if: $c) { y(a: $b) } }"

    assert variables_of(operation_of(text).selection_set) == {"a", "b", "c"}
