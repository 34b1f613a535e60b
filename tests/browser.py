"""A headless Chromium for tests, driven through its DevTools protocol."""

import asyncio
import base64
import json
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.servers import wait_until

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
KEYS = {"Tab": 9, "Enter": 13, "Escape": 27, " ": 32, "ArrowUp": 38, "ArrowDown": 40}
KEYS |= {"ArrowLeft": 37, "ArrowRight": 39}
TEXTS = {"Enter": "\r", " ": " "}
SHIFT = 8


class Page:
    """A page of a browser; what it asks of the network, and what goes wrong in it, is noted."""

    def __init__(
        self, runner: asyncio.Runner, socket: aiohttp.ClientWebSocketResponse, session: str
    ) -> None:
        self._runner = runner
        self._socket = socket
        self._session = session
        self._numbers = count(1)
        self.requests: list[str] = []
        self.troubles: list[str] = []
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> Any:
        """Give the browser a command; return its result."""
        return self._runner.run(self._call(method, parameters))

    async def _call(self, method: str, parameters: dict[str, Any]) -> Any:
        number = next(self._numbers)
        command = {"id": number, "method": method, "params": parameters}
        await self._socket.send_json(command | {"sessionId": self._session})
        while True:
            told = await self._socket.receive_json(timeout=30)
            if told.get("id") == number:
                assert "error" not in told, told["error"]
                return told["result"]
            self._note(told.get("method"), told.get("params", {}))

    def _note(self, event: str | None, told: dict[str, Any]) -> None:
        if event == "Network.requestWillBeSent":
            self.requests.append(told["request"]["url"])
        elif event == "Runtime.exceptionThrown":
            self.troubles.append(json.dumps(told["exceptionDetails"]))
        elif event == "Log.entryAdded" and told["entry"]["level"] == "error":
            self.troubles.append(f"{told['entry']['text']} {told['entry'].get('url', '')}")

    def open(self, url: str) -> None:
        self.call("Page.navigate", url=url)

    def value(self, expression: str) -> Any:
        """Return what an expression of JavaScript comes to."""
        told = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    def wait(self, expression: str) -> None:
        """Wait until an expression is true."""
        wait_until(lambda: bool(self.value(expression)), 20, expression)

    def texts(self, selector: str) -> list[str]:
        found = f"[...document.querySelectorAll({json.dumps(selector)})]"
        texts: list[str] = self.value(f"{found}.map((each) => each.textContent)")
        return texts

    def press(self, *keys: str) -> None:
        """Press keys, one after the other; ``Shift+Tab`` is one."""
        for name in keys:
            key = name.removeprefix("Shift+")
            what = {
                "key": key,
                "code": key,
                "windowsVirtualKeyCode": KEYS[key],
                "modifiers": SHIFT if key != name else 0,
            }
            text = {"text": TEXTS[key]} if key in TEXTS else {}
            self.call("Input.dispatchKeyEvent", type="keyDown", **what, **text)
            self.call("Input.dispatchKeyEvent", type="keyUp", **what)

    def type(self, text: str) -> None:
        self.call("Input.insertText", text=text)

    def click(self, selector: str) -> None:
        """Click the middle of an element, as a mouse does."""
        element = f"document.querySelector({json.dumps(selector)})"
        x, y = self.value(
            f"{element}.scrollIntoView({{block: 'center'}}); (({{x, y, width, height}}) =>"
            f" [x + width / 2, y + height / 2])({element}.getBoundingClientRect())"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def resize(self, width: int, height: int) -> None:
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def prefer(self, **features: str) -> None:
        """Set preferences such as ``color_scheme="dark"``."""
        wanted = [
            {"name": f"prefers-{name.replace('_', '-')}", "value": value}
            for name, value in features.items()
        ]
        self.call("Emulation.setEmulatedMedia", features=wanted)

    def screenshot(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))


def chromium() -> str:
    """Return the program; skip the test where there is none."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip(f"no browser: none of {', '.join(NAMES)} is on the path")
    return found


@contextmanager
def browser_page(folder: Path, arguments: Sequence[str] = ()) -> Iterator[Page]:
    """Start a browser that keeps everything in a folder; yield an empty page of it."""
    command = [
        *(chromium(), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
        *("--no-first-run", "--disable-background-networking", "--disable-component-update"),
        *("--disable-sync", f"--user-data-dir={folder}", "--remote-debugging-port=0"),
        *arguments,
        "about:blank",
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            place = folder / "DevToolsActivePort"
            wait_until(lambda: place.exists() and "\n" in place.read_text(), 60, "Chromium")
            port, path = place.read_text().split("\n")[:2]
            with asyncio.Runner() as runner:
                web = runner.run(_client())
                try:
                    socket = runner.run(_connect(web, f"ws://127.0.0.1:{port}{path}"))
                    yield Page(runner, socket, runner.run(_attach(socket)))
                finally:
                    runner.run(web.close())
        finally:
            process.terminate()


async def _client() -> aiohttp.ClientSession:
    return aiohttp.ClientSession()


async def _connect(web: aiohttp.ClientSession, url: str) -> aiohttp.ClientWebSocketResponse:
    # A screenshot is larger than aiohttp's bound.
    return await web.ws_connect(url, max_msg_size=0)


async def _attach(socket: aiohttp.ClientWebSocketResponse) -> str:
    """Make a page; return the id of the session with it."""
    await socket.send_json({"id": 0, "method": "Target.createTarget", "params": {"url": ""}})
    target = await _answer(socket)
    attach = {"targetId": target["targetId"], "flatten": True}
    await socket.send_json({"id": 0, "method": "Target.attachToTarget", "params": attach})
    return str((await _answer(socket))["sessionId"])


async def _answer(socket: aiohttp.ClientWebSocketResponse) -> dict[str, Any]:
    while True:
        told = await socket.receive_json(timeout=30)
        if told.get("id") == 0:
            result: dict[str, Any] = told["result"]
            return result
