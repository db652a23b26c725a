"""The files of docs/frontend.md behind an origin of their own, in a browser that can draw maps."""

from __future__ import annotations

import functools
import http.server
import os
import re
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.node import MODULES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DOCS = Path(__file__).resolve().parents[2] / "docs" / "frontend.md"
DEMO = "http://127.0.0.1:8000"
"""Where the document has the service."""
MAPS = ("--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist")
"""What lets a browser without a window draw with WebGL, by the processor."""
ALONE = ("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",)
"""What lets it find nothing but this machine."""


def files() -> dict[str, str]:
    """Return the files that the document holds, by name."""
    text = DOCS.read_text("utf-8")
    found = re.findall(r"^<!-- file: (\S+) -->\n```\w+\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return dict(found)


def write_files(folder: Path, service: str, changed: Mapping[str, str]) -> None:
    """Put the files into a folder, with their packages beside.

    Parameters
    ----------
    folder
        Which is empty.
    service
        Takes the place of the demo's address.
    changed
        Other texts to be replaced, and by what.
    """
    for name, shown in files().items():
        text = shown
        for old, new in {DEMO: service, **changed}.items():
            text = text.replace(old, new)
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    (folder / "node_modules").symlink_to(MODULES)


class _Files(http.server.SimpleHTTPRequestHandler):
    """Sends files, and says nothing about it."""

    def guess_type(self, path: str | os.PathLike[str]) -> str:
        """Return the type of a file; the machine's own table may not know modules."""
        return "text/javascript" if str(path).endswith(".mjs") else super().guess_type(path)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def origin(folder: Path) -> Iterator[str]:
    """Serve a folder; give the origin of its pages."""
    handler = functools.partial(_Files, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
