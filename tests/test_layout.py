"""The folder one sees is the package one imports, and the house keeps to its plan."""

from __future__ import annotations

import importlib
import tomllib
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
PACKAGES = ("geo", "sources", "storage", "resolvers", "schema", "service", "fixtures")


@pytest.mark.parametrize("name", PACKAGES)
def test_the_package_that_is_imported_is_ours(name: str) -> None:
    """Names such as ``schema`` and ``fixtures`` exist in the package registry, too."""
    assert importlib.import_module(name).__path__[0] == str(CHECKOUT / name)


def test_every_package_is_installed_and_layered() -> None:
    with (CHECKOUT / "pyproject.toml").open("rb") as file:
        tools = tomllib.load(file)["tool"]

    installed = {name.rstrip("*") for name in tools["setuptools"]["packages"]["find"]["include"]}
    assert installed == set(PACKAGES)
    assert set(tools["importlinter"]["root_packages"]) == set(PACKAGES) - {"fixtures"}


def test_the_lock_names_no_host_and_pins_every_package_by_hash() -> None:
    lines = (CHECKOUT / "requirements.lock").read_text().splitlines()

    assert not [line for line in lines if "://" in line or line.lstrip().startswith("--index")]
    pinned = [number for number, line in enumerate(lines) if line[:1].isalnum()]
    assert pinned
    for number in pinned:
        assert "==" in lines[number]
        assert lines[number + 1].lstrip().startswith("--hash=sha256:")
