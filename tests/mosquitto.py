"""A real Mosquitto for tests, and somebody who listens to it."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion


class Broker:
    """A Mosquitto on loopback that can be stopped and started again; it keeps what is retained for as long as it runs."""

    def __init__(self, folder: Path) -> None:
        program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
        if program is None:
            pytest.skip("needs mosquitto: apt-get install mosquitto")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self._folder, self._program = folder, program
        self.passwords: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        access = f"allow_anonymous false\npassword_file {self.passwords}" if self.passwords else "allow_anonymous true"
        path = self._folder / "mosquitto.conf"
        path.write_text(f"listener {self.port} 127.0.0.1\n{access}\nuser root\n")
        self._process = subprocess.Popen([self._program, "-c", str(path)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(self._answers)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True


class Listener:
    """Somebody who hears everything, what is retained too."""

    def __init__(self, port: int) -> None:
        self.heard: list[tuple[str, bytes]] = []
        ready = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.on_message = lambda client, data, message: self.heard.append((message.topic, message.payload))
        self._client.on_connect = lambda client, *_: client.subscribe("#", 1)
        self._client.on_subscribe = lambda *_: ready.set()
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert ready.wait(5)

    def last(self, topic: str) -> bytes | None:
        return next((payload for name, payload in reversed(self.heard) if name == topic), None)

    def all(self, topic: str) -> list[bytes]:
        return [payload for name, payload in self.heard if name == topic]

    def publish(self, topic: str, payload: bytes | str, *, retain: bool = False) -> None:
        self._client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(5)

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(payload) for name, payload in self.heard if name == "panops/events"]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def wait_for(condition: Callable[[], Any], timeout_s: float = 10.0) -> None:
    until_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < until_s, "waited in vain"
        time.sleep(0.02)
