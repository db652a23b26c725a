"""What docs/frontend.md says of clients, errors and limits is so."""

from __future__ import annotations

import re

import pytest

from geo import errors
from service.settings import Settings
from tests.clients.pages import DOCS, files
from tests.node import FOLDER
from tests.test_docs import rows, section, words

TEXT = DOCS.read_text("utf-8")
QUOTED = re.findall(r"^<!-- from: (\S+) -->\n```js\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)


def squeezed(text: str) -> str:
    """Return a text without its spaces and line ends, and without a comma before a bracket."""
    return re.sub(r",(?=[\])}])", "", re.sub(r"\s+", "", text)).rstrip(",;")


@pytest.mark.parametrize(("name", "shown"), QUOTED)
def test_how_a_client_is_set_up_is_how_the_tests_set_it_up(name: str, shown: str) -> None:
    assert squeezed(shown) in squeezed((FOLDER / name).read_text("utf-8"))


def test_both_clients_are_shown() -> None:
    assert {name for name, _ in QUOTED} == {"apollo.mjs", "urql.mjs"}
    [arguments] = re.findall(r"`LISTS` is `(\[.*?\])`", TEXT)
    assert f"const LISTS = {arguments};" in (FOLDER / "apollo.mjs").read_text("utf-8")


def test_every_code_of_an_error_is_explained() -> None:
    kinds = errors.WanggeError.__subclasses__()
    told = [words(code)[0] for code, *_ in rows(section(TEXT, "Conventions"))]

    assert len(kinds) > 10
    assert sorted(told) == sorted({kind.code for kind in kinds})


def test_the_rates_and_pages_that_are_told_are_those_of_the_settings() -> None:
    fields = Settings.model_fields
    told = f"may ask {fields['rate_per_address'].default:g} times a second, with a key "

    assert told + f"{fields['rate_per_key'].default:g}" in " ".join(TEXT.split())


def test_no_example_leads_anywhere_else() -> None:
    for name, text in files().items():
        for address in re.findall(r"(?:https?|wss?)://[^\"'`\s]+", text):
            assert address.startswith("http://127.0.0.1:8000"), (name, address)


def test_every_link_of_the_page_leads_somewhere() -> None:
    links = re.findall(r"\]\(([^)]+)\)", TEXT)

    assert len(links) > 3
    for link in links:
        assert link.startswith("https://") or (DOCS.parent / link).is_file(), link
