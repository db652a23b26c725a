"""A publisher who sends a file and publishes it, by plain requests."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx2
from shapely.geometry import mapping

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapely.geometry.base import BaseGeometry

    from tests.clients.city import Served

IMPORT = """
mutation Import($file: Upload!, $within: UnitRef!) {
  importBoundaries(file: $file, level: "grid", within: $within) { id report { clean } }
}
"""
PUBLISH = "mutation Publish($ids: [ID!]!) { publishDrafts(ids: $ids) { number } }"


def publish(served: Served, community: str, grids: Mapping[str, tuple[str, BaseGeometry]]) -> int:
    """Publish a community's grids; return the edition's number.

    Parameters
    ----------
    served
        The service, and the key.
    community
        Code of the community.
    grids
        All of its grids: names and polygons by code.
    """
    file = {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "properties": {"code": code, "name": name, "parent": community},
                "geometry": mapping(land),
            }
            for code, (name, land) in grids.items()
        ],
    }
    within = {"level": "community", "code": community}
    operations = {"query": IMPORT, "variables": {"file": None, "within": within}}
    headers = {"Authorization": f"Bearer {served.publisher}"}
    with httpx2.Client(base_url=served.address, headers=headers, timeout=60.0) as http:
        sent = _data(
            http.post(
                "/graphql",
                data={"operations": json.dumps(operations), "map": '{"0": ["variables.file"]}'},
                files={"0": ("grids.geojson", json.dumps(file).encode())},
            )
        )["importBoundaries"]
        assert sent["report"]["clean"] is True, sent
        asked = {"query": PUBLISH, "variables": {"ids": [sent["id"]]}}
        return int(_data(http.post("/graphql", json=asked))["publishDrafts"]["number"])


def _data(response: httpx2.Response) -> dict[str, Any]:  # JSON
    said: dict[str, Any] = response.json()
    assert "errors" not in said, said
    data: dict[str, Any] = said["data"]
    return data
