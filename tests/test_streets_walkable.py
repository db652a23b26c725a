"""What may be walked: the program's own table, row by row, and tables of others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from geo.errors import BadInputError, UnreadableError
from sources.plain import plain
from sources.walkable import DEFAULT_TABLE, Walkable, made_again, read_walkable

if TYPE_CHECKING:
    from pathlib import Path

TABLE = read_walkable()

EXAMPLES: list[tuple[str, bool, str]] = [
    ("highway=construction", False, "not built yet, or gone"),
    ("highway=proposed foot=yes", False, "not built yet, or gone"),
    ("highway=services", False, "no street"),
    ("highway=raceway", False, "no street"),
    ("highway=service route=ferry", False, "ferry"),
    ("highway=corridor", False, "indoors"),
    ("highway=footway indoor=yes", False, "indoors"),
    ("highway=residential foot=no", False, "foot=no"),
    ("highway=footway foot=private", False, "foot=no"),
    ("highway=cycleway foot=use_sidepath", False, "walked on the path beside it"),
    ("highway=motorway foot=yes", True, "foot=yes"),
    ("highway=track access=private foot=designated", True, "foot=yes"),
    ("highway=trunk foot=permissive", True, "foot=yes"),
    ("highway=service access=private", False, "access=private"),
    ("highway=path access=no", False, "access=private"),
    ("highway=service access=destination", True, "street or path"),
    ("highway=service access=residents", True, "street or path"),
    ("highway=service service=private", False, "service=private"),
    ("highway=service service=driveway", True, "street or path"),
    ("highway=service service=parking_aisle", True, "street or path"),
    ("highway=motorway", False, "motorway"),
    ("highway=motorway_link", False, "motorway"),
    ("highway=高速公路", False, "motorway"),
    ("highway=trunk", False, "trunk road without a sidewalk"),
    ("highway=trunk sidewalk=no", False, "trunk road without a sidewalk"),
    ("highway=trunk sidewalk=separate", False, "trunk road without a sidewalk"),
    ("highway=trunk sidewalk=both", True, "trunk road with a sidewalk"),
    ("highway=trunk_link sidewalk:both=yes", True, "trunk road with a sidewalk"),
    ("highway=trunk sidewalk:left=yes", True, "trunk road with a sidewalk"),
    ("highway=trunk sidewalk:right=yes", True, "trunk road with a sidewalk"),
    ("highway=primary", True, "street or path"),
    ("highway=residential oneway=yes", True, "street or path"),
    ("highway=residential sidewalk=separate", True, "street or path"),
    ("highway=footway oneway:foot=yes", True, "street or path"),
    ("highway=steps", True, "street or path"),
    ("highway=elevator", True, "street or path"),
    ("highway=cycleway", True, "street or path"),
    ("highway=pedestrian area=yes", True, "street or path"),
    ("highway=path motor_vehicle=no bicycle=no", True, "street or path"),
    ("highway=支路", True, "street or path"),
    ("highway=nonsense", False, "highway=nonsense is in no rule"),
    ("foot=no", False, "foot=no"),
    ("", True, "nothing said about it"),
]


def tags_of(text: str) -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in text.split())


@pytest.mark.parametrize(("tags", "walk", "reason"), EXAMPLES)
def test_a_way_is_walked_or_not_and_the_reason_is_told(tags: str, walk: bool, reason: str) -> None:
    assert TABLE.judge(tags_of(tags)) == (walk, reason)


def test_every_rule_of_the_table_has_an_example() -> None:
    """A rule that is never the first to fit would be dead."""
    decided = set()
    for text, _, _ in EXAMPLES:
        for number in range(len(TABLE.rules)):
            shorter = Walkable(TABLE.rules[: number + 1])
            if not shorter.judge(tags_of(text)).reason.endswith(("no rule", "about it")):
                decided.add(number)
                break

    assert decided == set(range(len(TABLE.rules)))


def test_no_kind_of_street_is_decided_twice() -> None:
    alone = [values for rule in TABLE.rules for tag, values in rule.tags if len(rule.tags) == 1]
    kinds = [kind for values in alone for kind in values]
    listed = [kind for kind in kinds if kinds.count(kind) > 1]

    # What stands for itself under several tags: foot=no, indoor=corridor, access=private.
    assert set(listed) <= {"no", "private", "corridor", "yes"}


def test_a_table_survives_the_way_to_another_process() -> None:
    assert made_again(plain(TABLE)) == TABLE


def write(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_table_of_ones_own_has_its_own_rules(tmp_path: Path) -> None:
    table = read_walkable(
        write(
            tmp_path,
            """
            noted = ["lit"]
            [[rule]]
            walk = false
            reason = "dark"
            lit = ["No", ""]
            [[rule]]
            walk = true
            reason = "any street"
            highway = ["*"]
            """,
        )
    )

    assert table.noted == ("lit",)
    assert table.tags == ("highway", "lit")
    assert table.judge({"highway": "motorway", "lit": "yes"}) == (True, "any street")
    assert table.judge({"highway": "motorway", "lit": "no"}) == (False, "dark")
    assert table.judge({"highway": "motorway"}) == (False, "dark")
    assert table.judge({"lit": "yes"}) == (True, "nothing said about it")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("# nothing", "it has no [[rule]]"),
        ("rules = 1", "'rules' is not known"),
        ("[rule]\nwalk = true", "it has no [[rule]]"),
        ('[[rule]]\nreason = "x"\nfoot = ["no"]', "walk of rule 1 must be true or false"),
        ("[[rule]]\nwalk = true\nfoot = ['no']", "rule 1 needs a reason"),
        ("[[rule]]\nwalk = true\nreason = 'x'", "rule 1 names no tag"),
        ("[[rule]]\nwalk = true\nreason = 'x'\nfoot = 'no'", "foot of rule 1 must be a list"),
        ("[[rule]]\nwalk = true\nreason = 'x'\nfoot = []", "foot of rule 1 must be a list"),
        ("[[rule]]\nwalk = true\nreason = 'x'\nfoot = [1]", "foot of rule 1 must be a list"),
        ("rule = [1]", "rule 1 must be a [[rule]] table"),
        ("noted = 'x'", "noted must be a list of tags"),
    ],
)
def test_what_is_no_table_is_refused_with_its_reason(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(BadInputError) as caught:
        read_walkable(write(tmp_path, text))

    assert told in str(caught.value)
    assert caught.value.extensions["argument"] == "walkable"


def test_a_table_that_is_no_toml_names_the_line(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="line 2"):
        read_walkable(write(tmp_path, "noted = []\n[[rule]\n"))


def test_the_table_lies_beside_the_code_that_reads_it() -> None:
    assert DEFAULT_TABLE.is_file()
