"""The command line: ``wangge`` and its commands.

A command module adds its functions to ``frame.app`` when it is imported; naming it in
``COMMANDS`` is all that it takes to belong to the program.
"""

from __future__ import annotations

from service.cli import (
    changes,
    checking,
    database,
    demo,
    draft_repair,
    exporting,
    history,
    importing,
    keys,
    load,
    publishing,
    repairing,
    serve,
    waiving,
)
from service.cli.frame import app, main

COMMANDS = (
    checking,
    repairing,
    importing,
    publishing,
    changes,
    history,
    draft_repair,
    waiving,
    exporting,
    load,
    keys,
    database,
    serve,
    demo,
)

__all__ = ["COMMANDS", "app", "main"]
