"""From frame to result on cameras, with and without programs that ask models as fast as they can, in turns of one run.

Run it as `python -m benchmarks.cameras_beside_api --cameras 8 --seconds 60 --rounds 4`. The cameras are real RTSP connections to the
whole product; the programs are threads of another process with a connection each, which send binary tensors again as soon as they are
answered, and after a 429 wait half a second, less than they are told: they are not polite. They run at the lowest priority, for they
stand for machines elsewhere. Each round is measured without them, then with
them.

`p95_ratio` is the 95th percentile with programs over that without, of all rounds together. Percentiles are read from buckets of a quarter,
between whose edges they are interpolated; `mean_ratio` is exact. Both processes' own work is in the figures: on a machine of few cores the
programs themselves take time from cameras that they would not take from elsewhere, so their cores are told.
"""

from __future__ import annotations

import argparse
import http.client
import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.machine import describe
from panops.bench.film_shape import FilmShape
from panops.bench.increase import latency_increase
from panops.bench.offer import Offer
from panops.bench.processes import read_usage
from panops.bench.product import Product
from panops.bench.scrape import Scrape
from panops.bench.site import site_of
from panops.commands.bench_films import ALL_SCENES, ready_films
from panops.domain.errors import PanopsError
from panops.inference.oip_types import described
from panops.inference.open_backend import open_backend
from panops.models.store import ModelStore
from panops.pipeline.giving_way import give_way
from panops.pipeline.latency import LatencyHistogram, total
from panops.storage.home import Home

_SCRAPE_EVERY_S = 5.0
_PAUSE_S = 0.5
_SHARES = {"p50_ms": 0.5, "p95_ms": 0.95, "p99_ms": 0.99}


def request_of(model: str) -> tuple[dict[str, str], bytes]:
    """Headers and body of a request to a model that comes along, with an empty picture."""
    backend = open_backend(ModelStore(Home(None).models).get(model).path)
    spec = backend.inputs[0]
    pictures = np.zeros([max(1, size) for size in spec.shape], spec.dtype)
    backend.close()
    tensor = {**described(spec), "shape": pictures.shape, "parameters": {"binary_data_size": pictures.nbytes}}
    head = json.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()
    return {"Inference-Header-Content-Length": str(len(head))}, head + pictures.tobytes()


def ask(address: str, token: str, model: str, clients: int) -> None:
    """Ask until the input ends, then print how often which status came; prints a line when it begins."""
    give_way(10)
    more, body = request_of(model)
    headers = {"Authorization": f"Bearer {token}", **more}

    def connect() -> http.client.HTTPConnection:
        return http.client.HTTPConnection(address.removeprefix("http://"), timeout=120)

    stop, counts = threading.Event(), [Counter[int]() for _ in range(clients)]

    def work(counted: Counter[int]) -> None:
        connection = connect()
        while not stop.is_set():
            connection.request("POST", f"/v2/models/{model}/infer", body, headers)
            answer = connection.getresponse()
            answer.read()
            counted[answer.status] += 1
            if answer.status != http.client.OK:
                stop.wait(_PAUSE_S)

    threads = [threading.Thread(target=work, args=(counted,), daemon=True) for counted in counts]
    for thread in threads:
        thread.start()
    print("asking", flush=True)
    sys.stdin.readline()
    stop.set()
    for thread in threads:
        thread.join(60)
    print(json.dumps({str(status): count for status, count in sum(counts, Counter[int]()).items()}), flush=True)


class Programs:
    """The process that asks, while the `with` block runs; `answers` are there afterwards."""

    def __init__(self, product: Product, token: str, model: str, clients: int) -> None:
        self._command = [sys.executable, "-m", "benchmarks.cameras_beside_api", "--ask", product.address, token]
        self._command += ["--model", model, "--clients", str(clients)]
        self.pid = 0
        self.answers: dict[str, int] = {}

    def __enter__(self) -> Programs:
        """Start them; they ask from here on."""
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)
        self.pid = self._process.pid
        if self._process.stdout is None or self._process.stdout.readline() != "asking\n":
            self._process.kill()
            raise PanopsError("the programs that shall ask models did not start")
        return self

    def __exit__(self, *_: object) -> None:
        """Stop them and hear what they were told."""
        out, _error = self._process.communicate("stop\n", timeout=120)
        self.answers = json.loads(out)


def phase(product: Product, seconds: float, programs: Programs | None) -> tuple[LatencyHistogram, dict[str, Any]]:
    """Measure for so long: how long checks took, and what else there is to say."""
    pids = {**product.pids(), **({"programs": programs.pid} if programs is not None else {})}
    began_s, before, scrapes = time.monotonic(), read_usage(pids, memory=False), [product.scrape()]
    while (left_s := began_s + seconds - time.monotonic()) > 0:
        time.sleep(min(_SCRAPE_EVERY_S, left_s))
        scrapes.append(product.scrape())
    took_s, after = time.monotonic() - began_s, read_usage(pids, memory=False)
    cores = {name: (after.processes[name].cpu_s - used.cpu_s) / took_s for name, used in before.processes.items()}
    checks = latency_increase([scrape.check_latency for scrape in scrapes])
    told = {
        **_percentiles(checks),
        "checks_per_s": checks.count / took_s,
        "dropped": _dropped(scrapes[-1]) - _dropped(scrapes[0]),
        "relief": max(scrape.relief for scrape in scrapes),
        "panops_cores": sum(used for name, used in cores.items() if name != "programs"),
        "programs_cores": cores.get("programs", 0.0),
        "machine_cores": (after.busy_s - before.busy_s) / took_s,
    }
    return checks, told


def measure(chosen: argparse.Namespace) -> dict[str, Any]:
    """All rounds, and both kinds together."""

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    shape = FilmShape((640, 360), chosen.fps, chosen.check_fps, 2.0, 60.0)
    films = ready_films(None, None, chosen.activity, shape, ALL_SCENES.split(","), say)
    kinds: dict[str, list[LatencyHistogram]] = {"alone": [], "beside": []}
    rounds: list[dict[str, Any]] = []
    with ExitStack() as stack:
        offer = stack.enter_context(Offer(films, chosen.cameras))
        product = stack.enter_context(Product(site_of(offer, chosen.check_fps, chosen.model, "never")))
        say(f"{product.wait_until_live(chosen.cameras, 60.0 + chosen.cameras)} of {chosen.cameras} cameras are live")
        status, body = product.api.post("/api/v1/tokens", {"name": "programs", "role": "operator", "cameras": []})
        if status != http.client.CREATED:
            raise PanopsError(f"the site gave no token: {status} {body[:200]!r}")
        token = json.loads(body)["secret"]
        time.sleep(chosen.warm_up)
        for _ in range(chosen.rounds):
            found: dict[str, Any] = {}
            for kind, checks in kinds.items():
                with ExitStack() as asking:
                    programs = Programs(product, token, chosen.model, chosen.clients) if kind == "beside" else None
                    if programs is not None:
                        asking.enter_context(programs)
                    time.sleep(chosen.settle)
                    histogram, found[kind] = phase(product, chosen.seconds, programs)
                checks.append(histogram)
                if programs is not None:
                    found[kind]["answers"] = programs.answers
            rounds.append({kind: _short(told) for kind, told in found.items()})
            say(json.dumps(rounds[-1]))
    both = {kind: {**_percentiles(total(checks)), "checks": total(checks).count} for kind, checks in kinds.items()}
    ratios = {
        f"{name.removesuffix('_ms')}_ratio": both["beside"][name] / both["alone"][name] for name in both["alone"] if name.endswith("_ms")
    }
    by_round = [one["beside"]["p95_ms"] / one["alone"]["p95_ms"] for one in rounds]
    settings = {name: value for name, value in vars(chosen).items() if name not in ("ask", "json")}
    return {
        "bench": "cameras-beside-api",
        "settings": settings,
        "rounds": rounds,
        **{kind: _short(told) for kind, told in both.items()},
        **_short({**ratios, "median_p95_ratio": median(by_round)}),
        "machine": describe(),
    }


def _percentiles(checks: LatencyHistogram) -> dict[str, float]:
    if not checks.count:
        raise PanopsError("no check was counted: measure for longer, or look whether the cameras are live")
    return {**{name: 1000 * checks.quantile_s(share) for name, share in _SHARES.items()}, "mean_ms": 1000 * checks.sum_s / checks.count}


def _dropped(scrape: Scrape) -> int:
    return sum(camera.dropped.total() for camera in scrape.cameras.values())


def _short(told: dict[str, Any]) -> dict[str, Any]:
    return {name: round(value, 3) if isinstance(value, float) else value for name, value in told.items()}


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cameras", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long each half of a round is measured")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--clients", type=int, default=3)
    parser.add_argument("--model", default="street", help="of cameras and programs alike")
    parser.add_argument("--fps", type=float, default=5.0)
    parser.add_argument("--check-fps", type=float, default=5.0)
    parser.add_argument("--activity", type=float, default=0.25, help="share of the checks at which something moves")
    parser.add_argument("--warm-up", type=float, default=20.0)
    parser.add_argument("--settle", type=float, default=5.0, help="before each half, not measured")
    parser.add_argument("--json", type=Path, default=None)
    parser.add_argument("--ask", nargs=2, default=None, help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.ask is not None:
        ask(*chosen.ask, chosen.model, chosen.clients)
        return
    try:
        found = measure(chosen)
    except PanopsError as error:
        raise SystemExit(str(error)) from error
    text = json.dumps(found, indent=1)
    print(text)
    if chosen.json is not None:
        chosen.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
