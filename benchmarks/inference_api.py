"""Requests a second through HTTP with binary tensors, against the same model called directly by a process of the same standing, in turns.

Run it as `python -m benchmarks.inference_api`. On a busy machine calls a second depend on who gets the processor; `cpu_ratio` does not: the
processor time of a call of the bare engine, over that of a request in the worker. It is what the ratio of calls a second comes to where
server and clients have a core of their own. Clients, worker and bare engine give way alike (`--nice 0`: none does); the server does not.

The requests are sent by `wrk` where it is installed, so that making them costs next to nothing of the machine that answers them;
`--client python` sends them by Python's own client, as programs do.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import describe
from panops.api.app import create_app
from panops.api.serve import run_server
from panops.api.settings import ApiSettings
from panops.domain.clock import SystemClock
from panops.inference.open_backend import open_backend
from panops.models.store import ModelStore
from panops.pipeline.giving_way import give_way
from panops.pipeline.inference_desk import DeskSettings, InferenceDesk
from panops.pipeline.inference_order import Order, OrderKind
from panops.pipeline.usage import cpu_s
from panops.storage.accounts import Accounts
from panops.storage.database import Database
from panops.storage.home import Home
from panops.storage.scope import Role
from panops.testing.live_site import FakeLiveSite

CLIENTS = 8


def bare(home: Path, model: str, seconds: float) -> dict[str, float]:
    """Calls a second of the backend itself, in this process, and the processor time of one."""
    backend = open_backend(ModelStore(home / "models").get(model).path, cache_dir=home / "engines")
    spec = backend.inputs[0]
    pictures = {spec.name: np.zeros([max(1, size) for size in spec.shape], spec.dtype)}
    for _ in range(3):
        backend.infer(pictures)
    began_s, began_cpu_s, count = time.monotonic(), time.process_time(), 0
    while time.monotonic() - began_s < seconds:
        backend.infer(pictures)
        count += 1
    return {"per_s": count / (time.monotonic() - began_s), "cpu_ms": 1000 * (time.process_time() - began_cpu_s) / count}


def asked(address: str, token: str, worker: int, model: str, seconds: float, client: str) -> dict[str, float]:
    """Requests a second of several clients with a connection each, and the worker's processor time for one."""
    host = address.removeprefix("http://")
    headers = {"Authorization": f"Bearer {token}"}

    def call(connection: http.client.HTTPConnection, method: str, path: str, **options: Any) -> bytes:
        connection.request(method, path, **options)
        answer = connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{path}: {answer.status} {content[:200]!r}")
        return content

    first = http.client.HTTPConnection(host, timeout=120)
    spec = json.loads(call(first, "GET", f"/v2/models/{model}", headers=headers))["inputs"][0]
    pictures = np.zeros([max(1, size) for size in spec["shape"]], {"UINT8": np.uint8, "FP32": np.float32}[spec["datatype"]])
    tensor = {"name": spec["name"], "datatype": spec["datatype"], "shape": list(pictures.shape)}
    tensor["parameters"] = {"binary_data_size": pictures.nbytes}
    head = json.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()
    body, headers = head + pictures.tobytes(), {**headers, "Inference-Header-Content-Length": str(len(head))}
    for _ in range(3):
        call(first, "POST", f"/v2/models/{model}/infer", body=body, headers=headers)
    began_s, began_cpu_s = time.monotonic(), cpu_s(worker)
    if client == "wrk":
        count = _by_wrk(f"{address}/v2/models/{model}/infer", headers, body, seconds)
        took_s, took_cpu_s = time.monotonic() - began_s, cpu_s(worker) - began_cpu_s
        return {"per_s": count / took_s, "cpu_ms": 1000 * took_cpu_s / count}
    counts, stop = [0] * CLIENTS, threading.Event()

    def work(number: int) -> None:
        connection = http.client.HTTPConnection(host, timeout=120)
        while not stop.is_set():
            call(connection, "POST", f"/v2/models/{model}/infer", body=body, headers=headers)
            counts[number] += 1

    threads = [threading.Thread(target=work, args=(number,), daemon=True) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    count, took_s, took_cpu_s = sum(counts), time.monotonic() - began_s, cpu_s(worker) - began_cpu_s
    stop.set()
    for thread in threads:
        thread.join(10)
    return {"per_s": count / took_s, "cpu_ms": 1000 * took_cpu_s / count}


def _by_wrk(address: str, headers: dict[str, str], body: bytes, seconds: float) -> int:
    """How many requests were answered well."""
    with tempfile.TemporaryDirectory() as folder:
        content, script = Path(folder) / "body", Path(folder) / "infer.lua"
        content.write_bytes(body)
        lines = [f'wrk.headers["{name}"] = "{value}"' for name, value in headers.items()]
        script.write_text("\n".join(['wrk.method = "POST"', f'wrk.body = io.open("{content}", "rb"):read("*a")', *lines]), encoding="utf-8")
        command = ["wrk", "-t1", f"-c{CLIENTS}", f"-d{max(1, round(seconds))}s", "--timeout", "120s", "-s", str(script), address]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    wrong = re.search(r"(Non-2xx or 3xx responses|Socket errors): .*", told)
    count = re.search(r"(\d+) requests in", told)
    if wrong is not None or count is None:
        raise SystemExit(told)
    return int(count[1])


async def measure(model: str, seconds: float, rounds: int, nice: int, client: str) -> dict[str, Any]:
    """Both in turns; what they did and the ratio of each round."""

    async def elsewhere(*arguments: str, nice: int) -> dict[str, float]:
        shape = ["--model", model, "--seconds", str(seconds), "--client", client]
        command = [sys.executable, "-m", "benchmarks.inference_api", *shape, *arguments]
        process = await asyncio.create_subprocess_exec(
            *command, stdout=subprocess.PIPE, start_new_session=True, preexec_fn=lambda: give_way(nice)
        )
        out, _ = await process.communicate()
        found: dict[str, float] = json.loads(out)
        return found

    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder)).create()
        with Database.at(home.path) as database:
            accounts = Accounts(database, SystemClock())
            token = accounts.create_token("bench", Role.OPERATOR, [])
            desk = InferenceDesk(home, settings=DeskSettings(nice=nice, wait_s=120.0))
            live = FakeLiveSite(database, home.evidence)
            app = create_app(ApiSettings(home.evidence), database, live, accounts=accounts, desk=desk)
            stop, ready = asyncio.Event(), asyncio.get_running_loop().create_future()
            serving = asyncio.create_task(run_server(app, "127.0.0.1", 0, stop, ready.set_result))
            address, done = await ready, []
            try:
                await desk.ask(Order(OrderKind.METADATA, model), (), "bench")
                for _ in range(rounds):
                    engine = await elsewhere("--bare", str(home.path), nice=nice)
                    api = await elsewhere("--ask", address, token, str(desk.pid), nice=nice)
                    done.append(_compared(engine, api))
                    print(done[-1], file=sys.stderr, flush=True)
            finally:
                stop.set()
                await serving
                await desk.stop()
                await live.stop()
    medians = {f"median_{key}": statistics.median(one[key] for one in done) for key in ("ratio", "cpu_ratio")}
    settings = {"model": model, "seconds": seconds, "clients": CLIENTS, "sent_by": client, "nice": nice}
    return {"bench": "inference-api", "settings": settings, "rounds": done, **medians, "machine": describe()}


def _compared(engine: dict[str, float], api: dict[str, float]) -> dict[str, float]:
    found = {"engine_per_s": engine["per_s"], "api_per_s": api["per_s"], "ratio": api["per_s"] / engine["per_s"]}
    found |= {"engine_cpu_ms": engine["cpu_ms"], "worker_cpu_ms": api["cpu_ms"], "cpu_ratio": engine["cpu_ms"] / api["cpu_ms"]}
    return {key: round(value, 3) for key, value in found.items()}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="street")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--nice", type=int, default=10)
    parser.add_argument("--client", choices=("wrk", "python"), default="wrk" if shutil.which("wrk") else "python")
    parser.add_argument("--bare", type=Path, default=None, help=argparse.SUPPRESS)
    parser.add_argument("--ask", nargs=3, default=None, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.bare is not None:
        found: dict[str, Any] = bare(chosen.bare, chosen.model, chosen.seconds)
    elif chosen.ask is not None:
        address, token, worker = chosen.ask
        found = asked(address, token, int(worker), chosen.model, chosen.seconds, chosen.client)
    else:
        found = asyncio.run(measure(chosen.model, chosen.seconds, chosen.rounds, chosen.nice, chosen.client))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
