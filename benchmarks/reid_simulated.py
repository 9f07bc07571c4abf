"""How well people are found again by another camera, in the simulated site: the only place here where two cameras see the same person.

Run it as `python -m benchmarks.reid_simulated yard street`; it needs `panops models add person_reid`. The walkers of both scenes are the
same 24 people, in other light, from another height and side. Who is who is the scene's own truth. People are drawn, so it says what
another view costs, and not how many real people look alike.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import describe
from benchmarks.reid import share, spread
from panops.config.schema import SimulationConfig
from panops.domain.frame import ArrayPixels, Frame
from panops.models.store import ModelStore
from panops.pipeline.model_file import open_model_file
from panops.simulation.scene import Scene
from panops.simulation.script import Actor, Script, Where
from panops.storage.home import Home
from panops.vision.reid import PersonEmbedder

_PEOPLE = 24
_LEAST_HEIGHT_PX = 60
_LEAST_VISIBLE = 0.7
_EVERY_S = 3
_THRESHOLDS = (0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9)
Walks = dict[tuple[int, int], list[NDArray[np.float32]]]
"""Looks in order of time, by the person and the walk."""


class OfFew(Script):
    """A script whose walkers are a few people who come again and again."""

    def present(self, time_s: float) -> list[tuple[Actor, Where]]:
        """As `Script.present`."""
        return [(_one_of_few(actor), where) for actor, where in super().present(time_s)]


def _one_of_few(actor: Actor) -> Actor:
    return replace(actor, look=actor.look % _PEOPLE) if actor.kind == "person" else actor


class SceneOfFew(Scene):
    """A scene whose walkers are these people."""

    def __init__(self, config: SimulationConfig) -> None:
        """As `Scene`."""
        super().__init__(config)
        self._script = OfFew(self._backdrop.site, config.seed, config.activity)

    def actors(self, index: int) -> dict[int, Actor]:
        """Who is there in a frame, by track id."""
        return {actor.track_id: actor for actor, _ in self._script.present(self.time_s(index))}


def walks(name: str, seed: int, seconds: int, embedder: PersonEmbedder) -> Walks:
    """Everybody who was seen twice or more in a scene."""
    config = SimulationConfig.model_validate({"scene": name, "seed": seed, "activity": 12, "size_wh": (1280, 720), "rate_fps": 1})
    scene, found = SceneOfFew(config), Walks()
    for index in range(0, seconds, _EVERY_S):
        walkers = {track_id: actor for track_id, actor in scene.actors(index).items() if actor.kind == "person"}
        truth = scene.truth(index)
        is_large = truth.xyxy[:, 3] - truth.xyxy[:, 1] >= _LEAST_HEIGHT_PX
        is_clear = is_large & (truth.visible > _LEAST_VISIBLE)
        rows = [row for row in np.flatnonzero(is_clear) if int(truth.track_id[row]) in walkers]
        if not rows:
            continue
        looks = embedder.embed(Frame(name, index, 0.0, 0.0, ArrayPixels(scene.render(index))), truth.xyxy[rows])
        for row, look in zip(rows, looks, strict=True):
            actor = walkers[int(truth.track_id[row])]
            found.setdefault((actor.look, actor.track_id), []).append(look)
    return {walk: looks for walk, looks in found.items() if len(looks) >= 2}


def compared(here: Walks, there: Walks) -> dict[str, Any]:
    """An early look at each walk here with a late one at each walk there; the same walk is compared with itself only within a scene."""
    scores: dict[bool, list[float]] = {True: [], False: []}
    for (person, walk), looks in here.items():
        for (other, other_walk), others in there.items():
            if here is not there or person != other or walk == other_walk:
                scores[person == other].append(float(looks[len(looks) // 6] @ others[-1 - len(others) // 6]))
    return {
        "people": [len({person for person, _ in one}) for one in (here, there)],
        **{word: spread(scores[is_same]) for word, is_same in (("same", True), ("different", False))},
        "said_same_from": {
            str(limit): {word: share(scores[is_same], limit) for word, is_same in (("same", True), ("different", False))}
            for limit in _THRESHOLDS
        },
    }


def main() -> None:
    """Measure, and print JSON."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("scenes", nargs=2)
    reader.add_argument("--seconds", type=int, default=120)
    asked = reader.parse_args()
    model = ModelStore(Home().models).get("person_reid")
    embedder = PersonEmbedder(model.manifest, open_model_file(model))
    one, other = (walks(name, seed, asked.seconds, embedder) for seed, name in enumerate(asked.scenes, 1))
    first, second = asked.scenes
    told = {first: compared(one, one), second: compared(other, other), "across": compared(one, other)}
    whole = {"bench": "reid_simulated", "machine": describe(), "model": embedder.name, "seconds": asked.seconds, **told}
    sys.stdout.write(json.dumps(whole, indent=2) + "\n")


if __name__ == "__main__":
    main()
