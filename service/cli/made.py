"""A draft that was just made of a file or an older edition, as JSON and as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from service.cli.changes import show_changes
from service.cli.orphan_words import show_orphans
from service.cli.publishing import edition_json, say_published
from service.cli.reporting import show_notices, show_report, whole_report_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from geo.changes_told import ChangeSet
    from resolvers.importing import Imported
    from resolvers.orphans_told import Orphan
    from resolvers.publishing import Published


def draft_json(
    made: Imported, beside: Sequence[int], published: Published | None
) -> dict[str, Any]:  # free JSON: the contract's Draft
    """Return the draft, with its report, as the API's Draft.

    Parameters
    ----------
    beside
        Drafts that it was checked on.
    """
    within = None
    if made.within is not None:
        within = {"level": {"key": made.within.level}, "code": made.within.code}
    stored = "PUBLISHED" if published is not None else "OPEN"
    return {
        "id": str(made.draft) if made.draft is not None else None,
        "status": stored if made.draft is not None else None,
        "level": {"key": made.level},
        "within": within,
        "base": {"number": made.base_edition} if made.base_edition is not None else None,
        "with": [{"id": str(number)} for number in beside],
        "publishedAs": edition_json(published.edition) if published is not None else None,
        "source": made.source,
        "removed": list(made.removed),
        "report": whole_report_json(made.checked.report, made.checked.waivers),
    }


def draft_view(
    made: Imported,
    beside: Sequence[int],
    published: Published | None,
    changes: ChangeSet,
    left: Sequence[Orphan],
) -> list[RenderableType | None]:
    """Return what was concluded and found, what would change, and what to do now."""
    report = made.checked.report
    notices = [(n["code"], n["message"], n["featureCount"]) for n in made.source["notices"]]
    land = {"blankM2": report.blank_m2, "overlapM2": report.overlap_m2}
    return [
        show_notices(notices),
        show_report(report),
        show_changes(changes, land),
        show_orphans(left, happened=published is not None),
        _what_now(made, beside, published),
    ]


def _what_now(made: Imported, beside: Sequence[int], published: Published | None) -> str:
    if made.draft is None:
        return "nothing was stored"
    if published is not None:
        return say_published(published)
    if not made.checked.report.clean:
        return f"draft {made.draft} is stored; it cannot be published while findings block it"
    together = " ".join(map(str, [*dict.fromkeys(beside), made.draft]))
    return f"draft {made.draft} is clean: publish it by `wangge draft publish {together}`"
