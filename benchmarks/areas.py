"""How right shares of zones are, and the rule `area` on them: on films of the simulated site, where each pixel's truth is known.

Run it as `python -m benchmarks.areas --models deeplab_voc,deeplab_voc_small`; it needs `panops models add` of these. What comes and goes
in a zone is measured as the share of its pixels that is not background, by the model and in truth: the picture drawn with and without its
people and vehicles. The very same rule is asked of both, and its incidents are compared.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import describe
from panops.config.rule_schema import AreaConfig
from panops.config.schema import SimulationConfig
from panops.domain.areas import WHOLE, AreaLook
from panops.domain.class_map import ClassMap
from panops.domain.events import EventPhase, Incident
from panops.domain.frame import ArrayPixels, Frame
from panops.domain.geometry import Polygon
from panops.domain.tracks import Tracks
from panops.models.store import ModelStore
from panops.pipeline.map_looks import MapModels, ZoneCells
from panops.rules.covered_area import CoveredArea
from panops.rules.scene import Scene as RuleScene
from panops.simulation.scene import Parts, Scene
from panops.storage.home import Home

# A pixel is changed by whoever stands there by more than this.
_CHANGED = 12
_TRUE = ("background", "something")


@dataclass(slots=True)
class _Run:
    """One model on one film: shares by look and zone, the model's and the true ones, and what a look costs."""

    found: list[AreaLook] = field(default_factory=list)
    truth: list[AreaLook] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)
    wall_ms: list[float] = field(default_factory=list)


def _true_map(scene: Scene, index: int, empty: NDArray[np.uint8]) -> ClassMap:
    """What is drawn upon the empty site, without shadows."""
    picture = scene.render(index, Parts(actors=True, shadows=False, air=False))
    changed = np.abs(picture.astype(np.int16) - empty).max(axis=2) > _CHANGED
    return ClassMap(changed.astype(np.uint8), scene.config.size_wh)


def _watch(scene: Scene, model: str, models: MapModels, zones: dict[str, Polygon], asked: argparse.Namespace) -> _Run:
    run, cells, rate = _Run(), {name: ZoneCells(zones) for name in ("found", "truth")}, scene.config.rate_fps
    for step in range(int(asked.seconds / asked.refresh)):
        time_s = step * asked.refresh
        index = round(time_s * rate)
        frame = Frame("film", index, time_s, time_s, ArrayPixels(scene.render(index)))
        began_s, began_cpu_s = time.perf_counter(), time.process_time()
        classes, found = models.look(model, frame)
        look = AreaLook(time_s, classes, cells["found"].zones, cells["found"].shares(found, len(classes)))
        run.cpu_ms.append(1000 * (time.process_time() - began_cpu_s))
        run.wall_ms.append(1000 * (time.perf_counter() - began_s))
        run.found.append(look)
        empty = scene.render(index, Parts(actors=False, shadows=False, air=False)).astype(np.int16)
        truth = _true_map(scene, index, empty)
        run.truth.append(AreaLook(time_s, _TRUE, cells["truth"].zones, cells["truth"].shares(truth, len(_TRUE))))
    return run


def _incidents(looks: Sequence[AreaLook], zone: str, polygon: Polygon, asked: argparse.Namespace) -> list[Incident]:
    values = {"classes": ["not background"], "above": asked.above, "after_s": asked.after, "end_after_s": asked.after}
    config = AreaConfig.model_validate({"id": "full", "kind": "area", "zone": zone, **values})
    rule = CoveredArea(config, RuleScene("film", (2, 2), ("person",), {zone: polygon}))
    said = [one for look in looks for one in rule.update(replace(Tracks.empty("film", look.time_s), areas=look))]
    return [one for one in [*said, *rule.finish(asked.seconds)] if one.phase is EventPhase.END]


def _overlap(one: Incident, other: Incident) -> bool:
    return one.started_at_s <= (other.ended_at_s or 0.0) and other.started_at_s <= (one.ended_at_s or 0.0)


def _figures(run: _Run, zones: dict[str, Polygon], asked: argparse.Namespace) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for zone in (WHOLE, *zones):
        found = np.array([look.of(zone, ["not background"]) for look in run.found], np.float64)
        truth = np.array([look.of(zone, ["something"]) for look in run.truth], np.float64)
        error = found - truth
        figures: dict[str, Any] = {
            "looks": len(truth),
            "true_share_mean": round(float(truth.mean()), 4),
            "true_share_most": round(float(truth.max()), 4),
            "error_mean": round(float(error.mean()), 4),
            "error_abs_mean": round(float(np.abs(error).mean()), 4),
            "error_abs_p95": round(float(np.quantile(np.abs(error), 0.95)), 4),
        }
        if zone:
            told = _incidents(run.found, zone, zones[zone], asked)
            wanted = _incidents(run.truth, zone, zones[zone], asked)
            figures["rule"] = {
                "wanted": len(wanted),
                "told": sum(any(_overlap(one, other) for other in told) for one in wanted),
                "incidents": len(told),
                "false": sum(not any(_overlap(one, other) for other in wanted) for one in told),
            }
        out[zone or "whole picture"] = figures
    warm = slice(5, None)
    cpu_ms = float(np.median(run.cpu_ms[warm]))
    out["look"] = {
        "cpu_ms": round(cpu_ms, 1),
        "wall_ms": round(float(np.median(run.wall_ms[warm])), 1),
        "core_percent_at_10_s": round(cpu_ms / 10_000 * 100, 2),
    }
    return out


def main(words: Sequence[str] | None = None) -> int:
    """Measure, and print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", default="deeplab_voc", help="models for segmentation, with commas")
    parser.add_argument("--scenes", default="yard,street,gate", help="scenes with zones, with commas")
    parser.add_argument("--seconds", type=float, default=600.0, help="of each scene")
    parser.add_argument("--refresh", type=float, default=2.0, help="seconds between two looks")
    parser.add_argument("--size", default="1280x720")
    parser.add_argument("--activity", type=float, default=6.0)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--above", type=float, default=0.08, help="the rule's share")
    parser.add_argument("--after", type=float, default=0.0, help="the rule's after_s and end_after_s")
    parser.add_argument("--home", type=Path, default=None)
    asked = parser.parse_args(words)
    width, height = map(int, asked.size.split("x"))
    models = MapModels(ModelStore(Home(asked.home).models))
    figures: dict[str, Any] = {}
    for name in asked.scenes.split(","):
        config = SimulationConfig(scene=name, seed=asked.seed, activity=asked.activity, rate_fps=5, size_wh=(width, height))
        scene = Scene(config)
        zones = {zone.name: zone for zone in scene.zones()}
        for model in asked.models.split(","):
            print(f"{model}, {name} ...", file=sys.stderr, flush=True)
            figures.setdefault(model, {})[name] = _figures(_watch(scene, model, models, zones, asked), zones, asked)
    models.close()
    shape = {name: str(value) for name, value in vars(asked).items() if name not in ("home", "models")}
    print(json.dumps({"bench": "areas", "machine": describe(), "settings": shape, "models": figures}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
