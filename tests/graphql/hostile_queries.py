"""Questions that mean harm: deep, wide, doubling, huge, slow, or with SQL in them."""

from __future__ import annotations

from typing import Any, NamedTuple

from tests.graphql.world import G11

LONG = 30_000
UNIT = f'unit(level: "grid", code: "{G11}")'
DROP = "'; DROP TABLE unit; --"


class Hostile(NamedTuple):
    """A question, and what it must be told."""

    name: str
    query: str
    codes: frozenset[str]
    """One of these; none means that it is answered, as it does no harm."""
    variables: dict[str, Any] = {}  # noqa: RUF012 - never changed  # JSON


BAD = frozenset({"BAD_INPUT"})
COSTLY = frozenset({"TOO_COSTLY"})
LIMIT = frozenset({"LIMIT_EXCEEDED"})
REFUSED = BAD | COSTLY | LIMIT
HARMLESS: frozenset[str] = frozenset()


def _nested(field: str, depth: int, last: str = "code") -> str:
    return f"{field} {{ " * depth + last + " }" * depth


def _doubling(kind: str, number: int, leaf: str = "key") -> str:
    """Return fragments each of which spreads the next one twice, side by side."""
    return " ".join(
        f"fragment F{n} on {kind} {{ ...F{n + 1} ...F{n + 1} {leaf} }}" for n in range(number)
    )


def _doubling_fields(number: int) -> str:
    """Return fragments each of which asks for the next one below two aliases."""
    return " ".join(
        f"fragment F{n} on Unit {{ a{n}: parent {{ ...F{n + 1} }} b{n}: parent {{ ...F{n + 1} }} }}"
        for n in range(number)
    )


def _page(first: int, inner: str) -> str:
    return f"children(first: {first}) {{ nodes {{ {inner} }} }}"


_CYCLE = "fragment A on Unit { code ...B } fragment B on Unit { name ...A }"
_ROUND = _page(1000, f"parent {{ {_page(1000, 'parent { code }')} }}")
_WIDE = " ".join(
    f'a{n}: units(level: "grid", first: 1000) {{ nodes {{ code geometry }} }}' for n in range(199)
)
_SPIRAL = "POLYGON((" + ",".join(f"{n} {n}" for n in range(LONG)) + "))"

HOSTILE = (
    Hostile("deep", f"{{ {UNIT} {{ {_nested('parent', 30)} }} }}", BAD),
    Hostile("deeper than a parser can follow", f"{{ {_nested('parent', 3_000)} }}", BAD),
    Hostile(
        "deep in inline fragments",
        "{ " + "... on Query { " * 200 + "levels { key }" + " }" * 201,
        BAD,
    ),
    Hostile(
        "deep in a literal",
        '{ units(level: "grid", properties: '
        + "{a: " * 2_000
        + "1"
        + "}" * 2_000
        + ") { totalCount } }",
        BAD,
    ),
    Hostile("deep in lists", "{ nodes(ids: " + "[" * 3_000 + "]" * 3_000 + ") { id } }", BAD),
    Hostile("brackets that never close", "{" * 90_000, BAD),
    Hostile(
        "aliases", "{ " + " ".join(f"a{n}: levels {{ key }}" for n in range(1_000)) + " }", BAD
    ),
    Hostile(
        "aliases in fragments",
        "{ "
        + "...F ...F ...F"
        + " } fragment F on Query { "
        + " ".join(f"a{n}: levels {{ key }}" for n in range(300))
        + " }",
        BAD,
    ),
    Hostile("one field again and again", "{ " + "levels { key } " * 1_500 + "}", BAD),
    Hostile(
        "one field with others below, again and again",
        "{ levels { " + "parent { key } " * 900 + "} }",
        BAD,
    ),
    Hostile("one plain field again and again", "{ levels { " + "key " * 2_500 + "} }", BAD),
    Hostile("words", "{ levels { " + "key " * LONG + "} }", BAD),
    Hostile("a long text", "{ levels { key } } # " + "x" * 5_000_000, BAD),
    Hostile("quotes", '{ search(text: "' + '\\"' * 49_000 + '") { code } }', HARMLESS),
    Hostile("open block strings", '{ a(b: """' + '"" ' * 30_000, BAD),
    Hostile("a cycle of fragments", f"{{ {UNIT} {{ ...A }} }} {_CYCLE}", BAD),
    Hostile(
        "a fragment of itself",
        f"{{ {UNIT} {{ ...A }} }} fragment A on Unit {{ parent {{ ...A }} }}",
        BAD,
    ),
    Hostile("a cycle that nobody uses", f"{{ levels {{ key }} }} {_CYCLE}", BAD),
    Hostile(
        "fragments that double",
        f"{{ levels {{ ...F0 }} }} {_doubling('Level', 60)} fragment F60 on Level {{ key }}",
        HARMLESS,
    ),
    Hostile(
        "fragments that double, and say what to read",
        f'{{ units(level: "grid", first: 2) {{ nodes {{ ...F0 }} }} }} '
        f"{_doubling('Unit', 60, 'code')} fragment F60 on Unit {{ households }}",
        HARMLESS,
    ),
    Hostile(
        "fragments that double, and ask of a day",
        f"{{ ...R0 }} {_doubling('Query', 60, '__typename').replace('F', 'R')} "
        f"fragment R60 on Query {{ {UNIT} {{ ...F0 }} }} {_doubling('Unit', 60, 'code')} "
        "fragment F60 on Unit { assignments(first: 1) { nodes { id } } }",
        HARMLESS,
    ),
    Hostile(
        "fragments that double fields",
        f"{{ {UNIT} {{ ...F0 }} }} {_doubling_fields(22)} fragment F22 on Unit {{ code }}",
        BAD,
    ),
    Hostile(
        "many fragments side by side",
        "{ "
        + " ".join(f"...F{n}" for n in range(400))
        + " } "
        + " ".join(f"fragment F{n} on Query {{ levels {{ key }} }}" for n in range(400)),
        BAD,
    ),
    Hostile(
        "fragments that nobody uses",
        "{ levels { key } } "
        + " ".join(
            f"fragment F{n} on Query {{ levels {{ key name key name key }} }}" for n in range(700)
        ),
        BAD,
    ),
    Hostile(
        "operations", " ".join(f"query Q{n} {{ levels {{ key }} }}" for n in range(2_000)), BAD
    ),
    Hostile("directives", "{ levels " + "@skip(if: false) " * 1_000 + "{ key } }", BAD),
    Hostile(
        "variables that nobody uses",
        "query (" + " ".join(f"$v{n}: Int" for n in range(1_800)) + ") { levels { key } }",
        BAD,
    ),
    Hostile(
        "unknown fields", "{ " + " ".join(f"levelz{n} {{ key }}" for n in range(900)) + " }", BAD
    ),
    Hostile(
        "to and fro",
        f'{{ units(level: "subdistrict", first: 1000) {{ nodes {{ {_ROUND} }} }} }}',
        COSTLY,
    ),
    Hostile("everything two hundred times", f"{{ {_WIDE} }}", COSTLY),
    Hostile(
        "a long first",
        'query ($n: Int!) { units(level: "grid", first: $n) { nodes { code } } }',
        REFUSED,
        {"n": 2**31 - 1},
    ),
    Hostile(
        "first of all firsts",
        'query ($n: Int!) { units(level: "district", first: $n) { nodes { children(first: $n) {'
        " nodes { facilities(first: $n) { nodes { circle { areaM2 } } } } } } } }",
        COSTLY,
        {"n": 1000},
    ),
    Hostile(
        "ids", "query ($i: [ID!]!) { nodes(ids: $i) { id } }", LIMIT, {"i": ["VW5pdDox"] * LONG}
    ),
    Hostile(
        "points",
        "query ($p: [PointInput!]!) { placesAt(points: $p) { code } }",
        REFUSED,
        {"p": [{"lon": 104.0, "lat": 38.0}] * LONG},
    ),
    Hostile(
        "codes",
        'query ($c: [String!]) { units(level: "grid", codes: $c) { totalCount } }',
        LIMIT,
        {"c": ["1"] * LONG},
    ),
    Hostile(
        "plans",
        "{ "
        + " ".join(
            f'a{n}: siting(kinds: ["x"], within: {{level: "grid", code: "{G11}"}}) {{ households }}'
            for n in range(150)
        )
        + " }",
        COSTLY,
    ),
    Hostile(
        "long words to search for",
        "query ($t: String!) { search(text: $t) { code } }",
        HARMLESS,
        {"t": "%_" * LONG},
    ),
    Hostile(
        "words to search for",
        "query ($t: String!) { search(text: $t) { code } }",
        LIMIT,
        {"t": "a " * LONG},
    ),
    Hostile(
        "a text for a box",
        'query ($b: [Float!]) { units(level: "grid", bbox: $b) { totalCount } }',
        LIMIT,
        {"b": [0.0] * LONG},
    ),
    Hostile(
        "endless numbers",
        'query ($b: [Float!]) { units(level: "grid", bbox: $b) { totalCount } }',
        BAD,
        {"b": [1e308, -1e308, 1e308, 1e308]},
    ),
    Hostile("a spiral", "query ($t: String!) { search(text: $t) { code } }", LIMIT, {"t": _SPIRAL}),
    Hostile(
        "deep variables",
        'query ($p: JSON) { units(level: "grid", properties: $p) { totalCount } }',
        BAD,
        {"p": [[[[[[[[1]]]]]]]]},
    ),
    Hostile(
        "SQL in a code",
        'query ($c: String!) { unit(level: "grid", code: $c) { code } }',
        HARMLESS,
        {"c": DROP},
    ),
    Hostile(
        "SQL in a level",
        "query ($c: String!) { units(level: $c) { totalCount } }",
        frozenset({"UNKNOWN"}),
        {"c": DROP},
    ),
    Hostile(
        "SQL in a search",
        "query ($c: String!) { search(text: $c) { code } }",
        HARMLESS,
        {"c": DROP},
    ),
    Hostile(
        "SQL in a cursor",
        'query ($c: String!) { units(level: "grid", after: $c) { totalCount nodes { code } } }',
        BAD,
        {"c": DROP},
    ),
    Hostile(
        "SQL in properties",
        'query ($p: JSON) { units(level: "grid", properties: $p) { totalCount } }',
        HARMLESS,
        {"p": {DROP: DROP}},
    ),
    Hostile(
        "a byte that is none",
        'query ($c: String!) { unit(level: "grid", code: $c) { code } }',
        frozenset({"BAD_INPUT"}),
        {"c": "\x00"},
    ),
    Hostile(
        "introspection in circles",
        "{ __schema { types { fields { type { fields { type { fields { type { name } } } }"
        " } } } } }",
        BAD,
    ),
)
