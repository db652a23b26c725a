"""``wangge diff``, and what imports and drafts would change, as tables and JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from geo.changes_told import ChangeKind
from resolvers.diff import diff_editions
from resolvers.orphans_told import orphans_between
from service.cli.files import WithinOption
from service.cli.frame import JsonOption, app, on_database, today
from service.cli.orphan_words import orphans_json, show_orphans
from service.cli.output import emit, table, together
from service.cli.reporting import SHOWN, short_area
from service.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType
    from sqlalchemy.ext.asyncio import AsyncEngine

    from geo.changes_told import Change, ChangeSet, Movement, UnitLabel
    from resolvers.orphans_told import Orphan

MAX_NODES = 1000
"""The most changes, and the most movements, that JSON lists: a page of the API."""

MAX_NUMBER = 2**31 - 1
"""Edition numbers are 32-bit integers."""

COLUMNS_SHOWN = 3
"""How many columns a terminal names of a unit whose attributes change."""

Names = tuple[dict[str, str], dict[str, str]]
"""Names of units by code, before and after."""

WORDS = {
    ChangeKind.ADDED: "added",
    ChangeKind.REMOVED: "removed",
    ChangeKind.REDRAWN: "redrawn",
    ChangeKind.RENAMED: "renamed",
    ChangeKind.RECODED: "given another code",
    ChangeKind.REATTRIBUTED: "with other attributes",
    ChangeKind.SPLIT: "split",
    ChangeKind.MERGED: "merged",
}


@app.command("diff")
def diff(
    before: Annotated[
        int,
        typer.Argument(metavar="A", min=1, max=MAX_NUMBER, help="Number of the edition before."),
    ],
    after: Annotated[
        int,
        typer.Argument(metavar="B", min=1, max=MAX_NUMBER, help="Number of the edition after."),
    ],
    level: Annotated[str, typer.Option(help="Level that is compared.")],
    within: WithinOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare a level in two editions: what changes from A to B."""
    settings = read_settings()
    day = today(settings)

    async def use(engine: AsyncEngine) -> tuple[ChangeSet, list[Orphan]]:
        found = await diff_editions(engine, before, after, level=level, within=within, today=day)
        return found, await orphans_between(engine, found, after=after, today=day)

    found, left = on_database(use, settings=settings)
    shown = together(show_changes(found), show_orphans(left, happened=True))
    emit(changes_json(found, left), as_json, lambda _: shown)


def changes_json(
    found: ChangeSet, left: Sequence[Orphan], report: dict[str, Any] | None = None
) -> dict[str, Any]:  # free JSON: the contract's ChangeSummary
    """Return what changes as the API's ChangeSummary, with its first nodes.

    Parameters
    ----------
    left
        Assignments that are left without a unit; all are told.
    report
        A draft's report as JSON: land that it leaves blank or claims twice is told beside.
    """
    names = _names(found)
    answer: dict[str, Any] = {kind.value.lower(): found.count(kind) for kind in ChangeKind}
    answer |= {
        "unchanged": found.unchanged,
        "householdsMoved": found.households_moved,
        "movements": _page(
            [_movement_json(m, names) for m in found.movements[:MAX_NODES]], len(found.movements)
        ),
        "items": _page(
            [_change_json(found, c) for c in found.changes[:MAX_NODES]], len(found.changes)
        ),
        "gone": [unit.code for unit in found.gone],
        "orphans": orphans_json(left),
    }
    if report is not None:
        answer |= {"openedM2": report["blankM2"], "doubledM2": report["overlapM2"]}
    return answer


def _page(nodes: list[dict[str, Any]], total: int) -> dict[str, Any]:  # free JSON: a connection
    return {
        "nodes": nodes,
        "totalCount": total,
        "pageInfo": {"hasNextPage": total > len(nodes)},
    }


def _movement_json(one: Movement, names: Names) -> dict[str, Any]:  # free JSON
    return {
        "from": _code_json(one.giver, names[0]),
        "to": _code_json(one.taker, names[1]),
        "households": one.households,
        "areaM2": one.area_m2,
    }


def _change_json(found: ChangeSet, one: Change) -> dict[str, Any]:  # free JSON
    return {
        "kinds": [kind.value for kind in one.kinds],
        "level": {"key": found.level},
        "code": one.code,
        "before": _unit_json(one.before),
        "after": _unit_json(one.after),
        "movedM2": one.moved_m2,
        "columns": list(one.columns),
        "parts": [_unit_json(part) for part in (*one.split_into, *one.merged_from)],
    }


def _unit_json(unit: UnitLabel | None) -> dict[str, str] | None:
    return {"code": unit.code, "name": unit.name} if unit is not None else None


def _code_json(code: str | None, names: dict[str, str]) -> dict[str, str] | None:
    return {"code": code, "name": names.get(code, code)} if code is not None else None


def _names(found: ChangeSet) -> Names:
    """Return the names of the units that change, by code, before and after."""
    before = {c.before.code: c.before.name for c in found.changes if c.before is not None}
    after = {c.after.code: c.after.name for c in found.changes if c.after is not None}
    return before, after


def show_changes(found: ChangeSet, report: dict[str, Any] | None = None) -> RenderableType:
    """Return what changes as tables.

    Parameters
    ----------
    report
        A draft's report as JSON: land that it leaves blank or claims twice is told beside.
    """
    if not found.changes:
        return together(f"nothing changes: {found.unchanged:,} unit(s) stay", _opened(report))
    counts = [[WORDS[kind], found.count(kind)] for kind in ChangeKind if found.count(kind)]
    counts += [["unchanged", found.unchanged], ["households moved", found.households_moved]]
    return together(
        table(["what", "count"], counts),
        _movements_table(found),
        _changes_table(found),
        _gone(found.gone),
        _opened(report),
    )


def _movements_table(found: ChangeSet) -> RenderableType | None:
    if not found.movements:
        return None
    before, after = _names(found)
    return table(
        ["from", "to", "households", "m2"],
        [
            [_said(m.giver, before), _said(m.taker, after), m.households, short_area(m.area_m2)]
            for m in found.movements[:SHOWN]
        ],
        title=_title("movement", len(found.movements), "with most households"),
    )


def _changes_table(found: ChangeSet) -> RenderableType:
    return table(
        ["unit", "name", "what", "m2 moved"],
        [
            [c.code, _name(c), _what(c), short_area(c.moved_m2) if c.moved_m2 else None]
            for c in found.changes[:SHOWN]
        ],
        title=_title("change", len(found.changes), "first by code"),
    )


def _title(what: str, count: int, which: str) -> str:
    return f"{count:,} {what}(s)" + (f", the {SHOWN} {which}" if count > SHOWN else "")


def _name(change: Change) -> str:
    before, after = change.before, change.after
    if before is not None and after is not None and before.name != after.name:
        return f"{before.name} -> {after.name}"
    return change.label.name


def _what(change: Change) -> str:
    words = []
    for kind in change.kinds:
        word = WORDS[kind]
        if kind is ChangeKind.RECODED and change.before is not None:
            word = f"was {change.before.code}"
        elif kind is ChangeKind.SPLIT:
            word = f"split into {_codes(change.split_into)}"
        elif kind is ChangeKind.MERGED:
            word = f"merged from {_codes(change.merged_from)}"
        elif kind is ChangeKind.REATTRIBUTED and change.columns:
            word = f"changed {_columns(change.columns)}"
        words.append(word)
    return ", ".join(words)


def _codes(labels: Sequence[UnitLabel]) -> str:
    return ", ".join(label.code for label in labels)


def _said(code: str | None, names: dict[str, str]) -> str:
    if code is None:
        return "nobody"
    name = names.get(code, "")
    return code if name in {"", code} else f"{name} ({code})"


def _columns(names: Sequence[str]) -> str:
    more = f" and {len(names) - COLUMNS_SHOWN} more" if len(names) > COLUMNS_SHOWN else ""
    return ", ".join(names[:COLUMNS_SHOWN]) + more


def _gone(gone: Sequence[UnitLabel]) -> str | None:
    if not gone:
        return None
    named = ", ".join(_said(unit.code, {unit.code: unit.name}) for unit in gone[:SHOWN])
    more = " …" if len(gone) > SHOWN else ""
    return f"{len(gone)} unit code(s) stand no more: {named}{more}"


def _opened(report: dict[str, Any] | None) -> str | None:
    """Say what land a draft would open or double; nothing where it does neither."""
    if report is None or not (report["blankM2"] or report["overlapM2"]):
        return None
    return (
        f"land opened: {report['blankM2']:,.2f} m2; land claimed twice: "
        f"{report['overlapM2']:,.2f} m2"
    )
