"""The product itself, as anybody runs it: `panops run` in processes of its own, with a fresh home and the page and API answering."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml

from panops.bench.leashed import Leashed
from panops.bench.processes import descendants
from panops.bench.product_api import ProductApi
from panops.bench.scrape import Scrape, read_scrape
from panops.domain.errors import PanopsError

_ADDRESS = re.compile(r"panops runs on (http://\S+)")
_START_S = 120.0
_LOOK_S = 0.2


class Product:
    """A site that runs while the `with` block does, and no longer: it ends with this process, whatever ends that.

    Args:
        site: The site file's content.
        models: Where installed models are; they are used from there. None for those that come along.

    Attributes:
        address: Of page and API.
        api: The API, signed in.
    """

    def __init__(self, site: Mapping[str, Any], models: Path | None = None) -> None:
        """Nothing is started yet."""
        self._site = site
        self._models = models
        self._folder = Path()
        self._leashed: Leashed | None = None
        self.address = ""
        self.api = ProductApi("")

    @property
    def log(self) -> str:
        """What it said."""
        try:
            return (self._folder / "log").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""

    def pids(self) -> dict[str, int]:
        """Its processes by name: the supervisor, which serves page and API, and the shards, which run the cameras."""
        leashed = self._started()
        return {"supervisor": leashed.pid, **{f"shard {number}": pid for number, pid in enumerate(descendants(leashed.pid))}}

    def scrape(self) -> Scrape:
        """What it says of itself now.

        Raises:
            PanopsError: It does not answer.
        """
        try:
            status, body = self.api.get("/metrics")
        except OSError as error:
            raise PanopsError(f"panops does not answer: {error}{self._last_words()}") from error
        if status != 200:
            raise PanopsError(f"panops answered /metrics with {status}")
        return read_scrape(body.decode())

    def wait_until_live(self, cameras: int, timeout_s: float) -> int:
        """Wait until so many cameras are live, or the time is up; how many are."""
        give_up_s = time.monotonic() + timeout_s
        while True:
            live = sum(camera.up for camera in self.scrape().cameras.values())
            if live >= cameras or time.monotonic() > give_up_s:
                return live
            time.sleep(_LOOK_S)

    def __enter__(self) -> Self:
        """Start it, and wait until it answers."""
        self._folder = Path(tempfile.mkdtemp(prefix="panops-bench-"))
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Stop it in good order; its home goes with it."""
        self._stop()

    def _start(self) -> None:
        home, site = self._folder / "home", self._folder / "site.yaml"
        home.mkdir(mode=0o700)
        if self._models is not None and self._models.is_dir():
            (home / "models").symlink_to(self._models.absolute(), target_is_directory=True)
        site.write_text(yaml.safe_dump(dict(self._site)), encoding="utf-8")
        command = [sys.executable, "-m", "panops.cli", "run", str(site), "--home", str(home), "--port", "0", "--log-level", "warning"]
        self._leashed = Leashed(command, self._folder, self._folder / "log", {**os.environ, "COLUMNS": "200"})
        give_up_s = time.monotonic() + _START_S
        while (found := _ADDRESS.search(self.log)) is None:
            if self._leashed.ended or time.monotonic() > give_up_s:
                raise PanopsError(f"panops did not start{self._last_words()}")
            time.sleep(_LOOK_S)
        self.address = found[1]
        self.api = ProductApi(self.address)
        try:
            self.api.sign_up()
        except OSError as error:
            raise PanopsError(f"panops started and does not answer: {error}{self._last_words()}") from error

    def _stop(self) -> None:
        self.api.close()
        if self._leashed is not None:
            self._leashed.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _started(self) -> Leashed:
        if self._leashed is None:
            raise PanopsError("the product does not run")
        return self._leashed

    def _last_words(self) -> str:
        said = [line for line in self.log.splitlines() if line.strip()]
        return "; the last that it said: " + " | ".join(said[-3:]) if said else ""
