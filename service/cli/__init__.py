"""The command line: ``wangge`` and its commands.

A command module adds its functions to ``frame.app`` when it is imported, which happens when one of
its commands is run; naming it in ``commands.COMMANDS`` is all that it takes to belong to the
program.
"""

from __future__ import annotations

from service.cli.frame import app, main

__all__ = ["app", "main"]
