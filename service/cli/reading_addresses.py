"""How commands read files of addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.settings import read_settings
from sources.addresses import AddressColumns, AddressFile
from sources.apart import Limits, read_addresses_apart

if TYPE_CHECKING:
    from pathlib import Path

    from geo.crs import Datum


def read_address_file(
    file: Path,
    *,
    layer: str | None = None,
    encoding: str | None = None,
    crs: str | None = None,
    datum: Datum | None = None,
    columns: AddressColumns = AddressColumns(),  # noqa: B008 - frozen
) -> AddressFile:
    """Read addresses in a process apart, within the limits of the settings.

    Parameters
    ----------
    layer, encoding, crs, datum, columns
        As for ``sources.addresses.read_addresses``.

    Raises
    ------
    UnreadableError, BadInputError
        As ``read_addresses``, or if a limit of the settings is reached.
    """
    settings = read_settings()
    return read_addresses_apart(
        file,
        limits=Limits(memory_mb=settings.read_memory_mb, seconds=settings.read_seconds),
        layer=layer,
        encoding=encoding,
        crs=crs,
        datum=datum,
        columns=columns,
    )
