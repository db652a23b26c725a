"""What commands there are, told without loading any of them."""

from __future__ import annotations

from typing import NamedTuple


class Told(NamedTuple):
    """What is known of a command before it is loaded."""

    help: str
    """The first paragraph of its help."""
    modules: tuple[str, ...]
    """Modules of this package that add it, or its parts, to the program."""


COMMANDS = {
    "diff": Told("Compare a level in two editions: what changes from A to B.", ("changes",)),
    "check": Told(
        "Check FILE: clear boundaries, no blank land, no overlap, every household in one unit.",
        ("checking",),
    ),
    "editions": Told("List editions, newest first.", ("publishing",)),
    "serve": Told(
        "Run the service: GraphQL on /graphql, health on /healthz and /readyz.", ("serve",)
    ),
    "demo": Told("Load the made-up town, print what is proven about it, and serve it.", ("demo",)),
    "export": Told(
        "Write a level of an edition to OUT, with the coordinates that carry the proof.",
        ("exporting",),
    ),
    "audit": Told(
        "Work out an edition anew from what is stored: land, proofs, addresses, households.",
        ("exporting",),
    ),
    "revert": Told(
        "Make a draft that brings a level back to what it was in an older edition.", ("history",)
    ),
    "import": Told(
        "Import FILE as a draft of a level: noded, proven and with all that is wrong in it.",
        ("importing",),
    ),
    "repair": Told(
        "Write a mended copy of FILE: blank, doubled and outside land goes to where it belongs.",
        ("repairing",),
    ),
    "waive": Told(
        "Accept a finding, such as a lake: it forbids nothing any more, and belongs to the proof.",
        ("waiving",),
    ),
    "unwaive": Told(
        "Accept a finding no longer; what was published with it stays published.", ("waiving",)
    ),
    "waivers": Told("List what is accepted, newest first.", ("waiving",)),
    "db": Told("Create, upgrade and find the database.", ("database",)),
    "circles": Told(
        "Count who can walk to a facility in time, and list the units that are left out most.",
        ("circles",),
    ),
    "duties": Told(
        "Count the units that have the holders a duty asks for; of one, list those that have not.",
        ("duties",),
    ),
    "plan": Told(
        "Place bodies onto the units below CODE, in balance and near home; --accept writes it.",
        ("planning",),
    ),
    "orphans": Told(
        "List assignments whose unit stands no more, and the units that may take them over.",
        ("orphans",),
    ),
    "draft": Told("Look at drafts, publish or discard them.", ("publishing", "draft_repair")),
    "key": Told("Create, list and revoke keys of the API.", ("keys",)),
    "load": Told(
        "Load what is no boundary.", ("load", "load_streets", "load_facilities", "load_duties")
    ),
}
"""The commands of the program, in the order of its help; loading one takes up to seconds, as it
brings all that it runs."""
