"""What commands print of the sites that were chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from service.cli.circle_words import share_text, tally_json, walk_json
from service.cli.output import table, together

if TYPE_CHECKING:
    from rich.console import RenderableType

    from resolvers.siting_report import NamedSite, SitingReport


def siting_json(found: SitingReport) -> dict[str, Any]:  # free JSON
    """Return sites as the API's SitingPlan."""
    plan = found.plan
    return {
        "walk": walk_json(plan.walk),
        "sites": [_site_json(site, found.level) for site in found.sites],
        "shareBefore": plan.share_before,
        "shareAfter": plan.share_after,
        "households": plan.covered,
        "bound": plan.bound,
        "optimal": plan.optimal,
        "leastSites": plan.least,
        "candidateCount": plan.candidates,
        "candidateSpacingM": plan.spacing_m,
    }


def _site_json(site: NamedSite, level: str) -> dict[str, Any]:  # free JSON
    unit = {"level": {"key": level}, "code": site.code, "name": site.name} if site.code else None
    return {
        "location": {"type": "Point", "coordinates": [site.row.lon, site.row.lat]},
        "unit": unit,
        "newHouseholds": site.row.gain,
        "cumulativeShare": site.row.cumulative_share,
        "newcomers": tally_json(site.row.newcomers),
    }


def show_siting(found: SitingReport, group: str | None = None) -> RenderableType:
    """Show the sites as a table, and how good they are."""
    whose = "households" if group is None else f"people of the group {group}"
    rows = [
        [
            number,
            f"{site.row.lon:.6f}, {site.row.lat:.6f}",
            site.code,
            site.name,
            site.row.gain,
            share_text(site.row.cumulative_share),
        ]
        for number, site in enumerate(found.sites, start=1)
    ]
    return together(
        table(
            ["site", "where", found.level, "", f"{whose} more", "share then"],
            rows,
            title=f"where the next {len(rows)} should go, of {found.plan.candidates:,} places",
        )
        if rows
        else "no place brings anybody more inside",
        _how_good(found, whose),
    )


def _how_good(found: SitingReport, whose: str) -> str:
    # a place between those that were looked at may do better: the proof is about these alone
    plan = found.plan
    if plan.optimal:
        return (
            f"proven among these places: as many sites bring no more than these {plan.covered:,} "
            f"{whose} inside"
        )
    return (
        f"among these places, as many sites bring no more than {plan.bound:,} {whose} inside; "
        f"these {plan.covered:,}"
    )
