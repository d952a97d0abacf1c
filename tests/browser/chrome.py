"""A real browser, driven by its own protocol over two pipes: no driver to install, no port to open."""

import base64
import itertools
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any, Self

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_WAIT = 30.0


class Chrome:
    """One window. Use it in a `with` block."""

    def __init__(self, folder: Path) -> None:
        assert PROGRAM is not None
        command_out, self._commands = os.pipe()
        self._answers, answer_in = os.pipe()
        # The browser reads commands on 3 and writes answers on 4.
        redirected = f'exec "$0" "$@" 3<&{command_out} 4>&{answer_in}'
        options = ("--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--no-first-run")
        self._log = (folder / "chrome.log").open("wb")
        self._process = subprocess.Popen(
            ["bash", "-c", redirected, PROGRAM, *options, f"--user-data-dir={folder / 'profile'}", "about:blank"],
            pass_fds=(command_out, answer_in),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._log,
        )
        os.close(command_out)
        os.close(answer_in)
        self._numbers = itertools.count(1)
        self._read = b""
        self._events: list[dict[str, Any]] = []
        self._session: str | None = None

    def __enter__(self) -> Self:
        target = self._call("Target.createTarget", {"url": "about:blank"})["targetId"]
        self._session = self._call("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        self.do("Page.enable")
        return self

    def __exit__(self, *error: object) -> None:
        self._session = None
        self._send("Browser.close", {})
        self._process.wait(_WAIT)
        os.close(self._commands)
        os.close(self._answers)
        self._log.close()

    # What a person does

    def go(self, url: str) -> None:
        """Open a page and wait until it is there."""
        self._events.clear()
        self.do("Page.navigate", {"url": url})
        self._until_loaded()

    def type(self, selector: str, text: str) -> None:
        """Replace what is in a field."""
        self.do("DOM.focus", {"nodeId": self._node(selector)})
        whole = {"key": "a", "code": "KeyA", "modifiers": 2, "commands": ["selectAll"]}
        self.do("Input.dispatchKeyEvent", {"type": "keyDown", **whole})
        self.do("Input.dispatchKeyEvent", {"type": "keyUp", **whole})
        self.do("Input.insertText", {"text": text})

    def click(self, selector: str) -> None:
        """Press the mouse in the middle of something."""
        node = {"nodeId": self._node(selector)}
        self.do("DOM.scrollIntoViewIfNeeded", node)
        corners = self.do("DOM.getBoxModel", node)["model"]["content"]
        at = {"x": (corners[0] + corners[4]) / 2, "y": (corners[1] + corners[5]) / 2}
        for kind in ("mousePressed", "mouseReleased"):
            self.do("Input.dispatchMouseEvent", {"type": kind, "button": "left", "clickCount": 1, **at})

    def follow(self, selector: str) -> None:
        """Click on what leads to another page, and wait until that is there."""
        self._events.clear()
        self.click(selector)
        self._until_loaded()

    # What a person sees

    @property
    def html(self) -> str:
        """The page as it stands."""
        node = {"nodeId": self._node("html")}
        found: str = self.do("DOM.getOuterHTML", node)["outerHTML"]
        return found

    def until(self, expression: str) -> Any:
        """The value of an expression on the page, once it is true."""
        waiting = f"new Promise(done => {{ const look = () => {{ const v = {expression}; if (v) done(v); "
        waiting += "else requestAnimationFrame(look) }; look() })"
        asked = {"expression": waiting, "awaitPromise": True, "returnByValue": True, "timeout": _WAIT * 1_000}
        return self.do("Runtime.evaluate", asked)["result"].get("value")

    def without_scripts(self) -> None:
        """Run no scripts from now on."""
        self.do("Emulation.setScriptExecutionDisabled", {"value": True})

    def picture(self, path: Path) -> None:
        """Keep how the page looks."""
        path.write_bytes(base64.b64decode(self.do("Page.captureScreenshot", {"captureBeyondViewport": True})["data"]))

    # The protocol

    def do(self, method: str, values: dict[str, Any] | None = None) -> dict[str, Any]:
        """One command to the window."""
        return self._call(method, values or {})

    def _node(self, selector: str) -> int:
        root = self.do("DOM.getDocument")["root"]["nodeId"]
        node: int = self.do("DOM.querySelector", {"nodeId": root, "selector": selector})["nodeId"]
        assert node, f"there is no {selector}"
        return node

    def _until_loaded(self) -> None:
        while not any(event["method"] == "Page.loadEventFired" for event in self._events):
            self._events.append(self._next())

    def _send(self, method: str, values: dict[str, Any]) -> int:
        number = next(self._numbers)
        command = {"id": number, "method": method, "params": values}
        if self._session is not None:
            command["sessionId"] = self._session
        os.write(self._commands, json.dumps(command).encode() + b"\0")
        return number

    def _call(self, method: str, values: dict[str, Any]) -> dict[str, Any]:
        number = self._send(method, values)
        while True:
            answer = self._next()
            if answer.get("id") == number:
                assert "error" not in answer, (method, answer)
                result: dict[str, Any] = answer["result"]
                return result
            if "method" in answer:
                self._events.append(answer)

    def _next(self) -> dict[str, Any]:
        end = time.monotonic() + _WAIT
        while b"\0" not in self._read:
            ready, _, _ = select.select([self._answers], [], [], max(0.0, end - time.monotonic()))
            more = os.read(self._answers, 1 << 20) if ready else b""
            assert more, "the browser says nothing any more"
            self._read += more
        text, _, self._read = self._read.partition(b"\0")
        answer: dict[str, Any] = json.loads(text)
        return answer
