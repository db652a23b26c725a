"""A browser without a window, driven over its DevTools: what a page looks like once it has run."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

from websockets.sync.client import connect

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from websockets.sync.client import ClientConnection

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
PATIENCE_S = 60.0


def find_browser() -> str | None:
    """Return the program of a Chromium; None where there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Browser:
    """One tab."""

    def __init__(self, connection: ClientConnection, session: str) -> None:
        self.connection, self.session = connection, session
        self.asked = 0
        self.complaints: list[str] = []
        """What the page logged as an error, and what it was not allowed to load."""
        self.requested: list[str] = []
        """What it asked any network for, its own file included."""

    @classmethod
    def on(cls, connection: ClientConnection) -> Self:
        """Open a tab that tells what it does."""
        browser = cls(connection, "")
        target = browser.ask("Target.createTarget", url="about:blank")["targetId"]
        browser.session = browser.ask("Target.attachToTarget", targetId=target, flatten=True)[
            "sessionId"
        ]
        for domain in ("Page", "Runtime", "Log", "Network"):
            browser.ask(f"{domain}.enable")
        return browser

    def ask(self, method: str, **params: object) -> dict[str, Any]:  # free JSON: the protocol's
        """Call a method of the protocol and wait for its answer."""
        self.asked = mine = self.asked + 1  # more may be asked while this is waited for
        message: dict[str, object] = {"id": mine, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        self.connection.send(json.dumps(message))
        while True:
            answer = json.loads(self.connection.recv(timeout=PATIENCE_S))
            if answer.get("id") == mine:
                assert "error" not in answer, (method, answer)
                result: dict[str, Any] = answer["result"]
                return result
            self._notice(answer)

    def watch_workers(self) -> None:
        """Hear of what the page's workers ask for and complain about, too, from their start on."""
        self.ask("Target.setAutoAttach", autoAttach=True, waitForDebuggerOnStart=True, flatten=True)

    def _watch(self, session: str) -> None:
        """Let a worker begin, watched. Its answers to this are passed over."""
        for method in ("Network.enable", "Runtime.enable", "Runtime.runIfWaitingForDebugger"):
            self.asked += 1
            self.connection.send(
                json.dumps({"id": self.asked, "method": method, "sessionId": session})
            )

    def _notice(self, event: dict[str, Any]) -> None:  # free JSON: the protocol's
        params = event.get("params", {})
        match event.get("method"):
            case "Target.attachedToTarget" if self.session:
                self._watch(params["sessionId"])
            case "Runtime.exceptionThrown":
                self.complaints.append(json.dumps(params["exceptionDetails"]))
            case "Runtime.consoleAPICalled" if params["type"] == "error":
                self.complaints.append(json.dumps(params["args"]))
            case "Log.entryAdded" if params["entry"]["level"] == "error":
                self.complaints.append(f"{params['entry']['text']}")
            case "Network.requestWillBeSent":
                self.requested.append(params["request"]["url"])

    def open(
        self, page: Path | str, *, width: int = 1280, height: int = 900, dark: bool = False
    ) -> None:
        """Show a file or an address in a window of some size, and wait until it has run."""
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", features=[scheme])
        self.ask("Page.navigate", url=page if isinstance(page, str) else page.as_uri())
        deadline = time.monotonic() + PATIENCE_S
        while (
            self.run("document.readyState") != "complete"
            or self.run("location.href") == "about:blank"
        ):
            assert time.monotonic() < deadline, f"{page} does not come up"
            time.sleep(0.02)
        # Two frames later the map is drawn.
        self.run("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def run(self, script: str) -> Any:  # noqa: ANN401 - any JSON
        """Return what an expression comes to in the page; promises are waited for."""
        answer = self.ask(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def picture(self, *, whole: bool = False) -> bytes:
        """Return what is seen as PNG; with ``whole`` what would be seen on scrolling, too."""
        answer = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        return base64.b64decode(answer["data"])


@contextmanager
def browsing(program: str, folder: Path, *more: str) -> Iterator[Browser]:
    """Run a browser with a profile of its own, for as long as the context lasts.

    Parameters
    ----------
    program
        Of the browser.
    folder
        For the profile.
    more
        Further arguments of the program.
    """
    arguments = [
        program,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--remote-debugging-port=0",
        f"--user-data-dir={folder}",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-dev-shm-usage",
        *more,
        "about:blank",
    ]
    with subprocess.Popen(  # noqa: S603 - the browser that was found
        arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            with connect(_endpoint(process, folder), max_size=None, compression=None) as connection:
                yield Browser.on(connection)
        finally:
            process.terminate()


def _endpoint(process: subprocess.Popen[bytes], folder: Path) -> str:
    """Wait for the browser to say where it listens: on a port of this machine alone."""
    file = folder / "DevToolsActivePort"
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        assert process.poll() is None, "the browser ended at once"
        lines = file.read_text(encoding="utf-8").split() if file.exists() else []
        if len(lines) > 1:
            return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
        time.sleep(0.05)
    raise AssertionError("the browser does not come up")
