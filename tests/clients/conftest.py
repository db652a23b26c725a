"""The made-up town behind a service: one that many read, and copies to be changed."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.clients.city import City, Served, build, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from tests.databases import Databases

PUBLISHED = "clients_city"


@pytest.fixture(scope="session")
def city(databases: Databases) -> City:
    """Publish the town once; nobody connects to its database afterwards, so that it is copied."""
    return City(PUBLISHED, build(databases.make(PUBLISHED)))


@pytest.fixture(scope="session")
def serve_copy(databases: Databases, city: City) -> Callable[..., AbstractContextManager[Served]]:
    """Give what serves a copy of the town for as long as a block lasts."""

    @contextmanager
    def serve(**settings: Any) -> Iterator[Served]:  # noqa: ANN401 - of any type
        with (
            databases.copy(city.name) as url,
            serving(url, city.publisher, **settings) as served,
        ):
            yield served

    return serve
