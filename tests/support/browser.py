"""A headless Chromium driven over the W3C WebDriver protocol, without a library for it."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import urllib.error
import urllib.request
from contextlib import contextmanager

import pytest

OPTIONS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]


class Browser:
    """One window; `told` are the messages of its console, `asked` the addresses it requested."""

    def __init__(self, address, folder):
        self.address = address
        options = {"args": [*OPTIONS, f"--user-data-dir={folder}"], "binary": _chromium()}
        wanted = {
            "browserName": "chrome",
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        }
        made = self._call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self.path = f"/session/{made['sessionId']}"

    def open(self, url, width, height=900):
        self._call("POST", f"{self.path}/window/rect", {"width": width, "height": height})
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        # A window is never narrower than 500 pixels; what it shows may be.
        self.command("Emulation.setDeviceMetricsOverride", metrics)
        self.told, self.asked  # noqa: B018 - what earlier pages said and asked for is dropped
        self._call("POST", f"{self.path}/url", {"url": url})

    def run(self, script):
        return self._call("POST", f"{self.path}/execute/sync", {"script": script, "args": []})

    def command(self, name, parameters):
        body = {"cmd": name, "params": parameters}
        return self._call("POST", f"{self.path}/goog/cdp/execute", body)

    def screenshot(self):
        return base64.b64decode(self._call("GET", f"{self.path}/screenshot"))

    def pdf(self):
        return base64.b64decode(self._call("POST", f"{self.path}/print", {}))

    @property
    def told(self):
        return [one["message"] for one in self._log("browser")]

    @property
    def asked(self):
        events = [json.loads(one["message"])["message"] for one in self._log("performance")]
        sent = [e["params"] for e in events if e["method"] == "Network.requestWillBeSent"]
        return [one["request"]["url"] for one in sent]

    def close(self):
        self._call("DELETE", self.path)

    def _log(self, kind):
        return self._call("POST", f"{self.path}/se/log", {"type": kind})

    def _call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(
            self.address + path, data=data, method=method, headers=headers
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{path}: {error.read().decode()[:500]}") from None


def _chromium():
    return shutil.which("chromium") or shutil.which("chromium-browser")


@contextmanager
def chromium(folder):
    """Yield a browser; skips where Debian's chromium and chromium-driver are not installed."""
    driver = shutil.which("chromedriver")
    if driver is None or _chromium() is None:
        pytest.skip("chromium and chromium-driver are not installed")
    with subprocess.Popen(
        [driver, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            browser = Browser(f"http://127.0.0.1:{_port(process)}", folder)
            try:
                yield browser
            finally:
                browser.close()
        finally:
            process.terminate()


def _port(process):
    for line in process.stdout:
        if "on port" in line and "successfully" in line:
            return int(line.rstrip(".\n").rpartition(" ")[2])
    raise AssertionError("chromedriver did not say its port")
