"""Somebody who does something: drawn, placed and shaded as a body that may lie along the ground.

A sprite of somebody upright is hung between the points where feet and head are seen. Of somebody who lies or bends nothing is there to hang
it by, so the sprite is laid where its solids' ends are seen, as well as one stretched and sheared picture can.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from panops.simulation import figures, postures
from panops.simulation.camera_model import CameraModel
from panops.simulation.deeds import Doing
from panops.simulation.ground_shadow import shadow_points
from panops.simulation.keypoints import keypoints_of
from panops.simulation.light import Light
from panops.simulation.people import Look, worn
from panops.simulation.postures import PosedBody
from panops.simulation.script import Actor, Where
from panops.simulation.shading import Material
from panops.simulation.solids import Solids, View

FloatArray = NDArray[np.float64]

_TURN_BIN = math.radians(5)
_ELEVATION_BIN = math.radians(3)
_LOW_M = 0.35  # parts below this darken the ground under them
_SPOT_M = 0.17


@dataclass(frozen=True, slots=True, eq=False)
class PosedFigure(figures.BodyFigure):
    """A body in any posture.

    Attributes:
        body: Its joints and solids.
        heading: Which way it faces, rad.
        standing_at: Its feet's ground point, m.
        recede: How far away a picture point is, m along the optical axis: `recede` times (x, y, 1), px.
    """

    body: PosedBody
    heading: float
    standing_at: tuple[float, float]
    recede: FloatArray

    def depth_in(self, window: figures.Window) -> FloatArray:
        """See `Figure.depth_in`: one end of somebody who lies may be behind something, the other before it."""
        x1, y1, x2, y2 = window
        across, down = np.arange(x1 + 0.25, x2, 0.5), np.arange(y1 + 0.25, y2, 0.5)
        plane = self.recede[0] * across[None, :] + self.recede[1] * down[:, None] + self.recede[2]
        return np.asarray(np.maximum(plane, figures.NEAREST_M))

    def spots(self) -> list[tuple[tuple[float, float], float]]:
        """See `Figure.spots`: one under each part that is near the ground."""
        bones = self.body.skeleton
        points = np.array(
            [*bones.ankles, *bones.knees, bones.pelvis, (bones.pelvis + bones.chest) / 2, bones.chest, bones.head, *bones.hands]
        )
        world = in_the_world(points[points[:, 1] < _LOW_M], self.standing_at, self.heading)
        return [((x, z), _SPOT_M) for x, _, z in world.tolist()]

    def shadow_mask(self, camera: CameraModel, light: Light, window: figures.Window) -> NDArray[np.uint8]:
        """See `Figure.shadow_mask`."""
        mask = np.zeros((window[3] - window[1], window[2] - window[0]), np.uint8)
        for outline in self._shadow(camera, light):
            hull = cv2.convexHull(np.rint((outline - window[:2]) * 16).astype(np.int32))
            cv2.fillConvexPoly(mask, hull, 255, cv2.LINE_AA, 4)
        return mask

    def shadow_box(self, camera: CameraModel, light: Light) -> figures.Box:
        """See `Figure.shadow_box`."""
        points = self._shadow(camera, light).reshape(-1, 2)
        return (*points.min(axis=0).tolist(), *points.max(axis=0).tolist())

    def _shadow(self, camera: CameraModel, light: Light) -> FloatArray:
        """Picture points (N, K, 2) around each solid's shadow."""
        sin, cos = math.sin(self.heading), math.cos(self.heading)
        x, y, z = light.sun
        ground = shadow_points(self.body.solids, np.array([cos * x - sin * z, y, sin * x + cos * z]))
        points = np.stack([ground[..., 0], np.zeros(ground.shape[:2]), ground[..., 1]], axis=2)
        return camera.project(in_the_world(points, self.standing_at, self.heading))


def figure_at(actor: Actor, where: Where, time_s: float, camera: CameraModel) -> figures.Figure | None:
    """What `actor` looks like to the camera, whatever it does, or None when it is behind it or too near."""
    doing = actor.deed.at(time_s - actor.start_s) if actor.deed is not None else None
    return figures.figure(actor, where, time_s, camera) if doing is None else _posed(actor, where, doing, camera)


def in_the_world(points: FloatArray, at: tuple[float, float], heading: float) -> FloatArray:
    """World points (..., 3) of points of a body's frame, m."""
    sin, cos = math.sin(heading), math.cos(heading)
    x, y, z = points[..., 0], points[..., 1], points[..., 2]
    return np.stack([at[0] + cos * x + sin * z, y, at[1] + cos * z - sin * x], axis=-1)


@lru_cache(maxsize=512)
def _body(look: int, pose: int) -> PosedBody:
    return postures.posed(figures.unburdened(look), pose)


def _posed(actor: Actor, where: Where, doing: Doing, camera: CameraModel) -> PosedFigure | None:
    look, body = figures.unburdened(actor.look), _body(actor.look, doing.pose)
    at, heading = (where.x, where.z), where.heading + doing.turn_rad
    points = _corners(body.solids)
    world = in_the_world(points, at, heading)
    if float(camera.depth(world).min()) < figures.NEAREST_M:
        return None
    middle = world.mean(axis=0)
    azimuth, elevation = camera.look(float(middle[0]), float(middle[2]), float(middle[1]))
    turn = round((heading - azimuth) / _TURN_BIN) * _TURN_BIN
    view = View(math.remainder(turn, 2 * math.pi), round(elevation / _ELEVATION_BIN) * _ELEVATION_BIN)
    seen = camera.project(world)
    right, up, _ = view.axes()
    laid, *_ = np.linalg.lstsq(np.stack([points @ right, points @ up, np.ones(len(points))], axis=1), seen, rcond=None)
    # How far away its bones are, not its near and far sides: those differ at one and the same picture point.
    bones = in_the_world(np.concatenate([body.solids.start, body.solids.end]), at, heading)
    spots = np.concatenate([camera.project(bones), np.ones((len(bones), 1))], axis=1)
    recede, *_ = np.linalg.lstsq(spots, camera.depth(bones), rcond=None)
    (across, sag), (shear, fall), foot = laid.tolist()
    box = figures.placed_box(body.solids, view, (foot[0], foot[1]), across, -fall, shear, sag)
    thing = figures.Thing(actor.track_id, "person", box, worn(look), doing.posture, keypoints_of(body.skeleton))
    return PosedFigure(
        things=(thing,),
        box=box,
        depth_m=float(camera.depth(np.array([[middle[0], 0.0, middle[2]]]))[0]),
        at=(float(middle[0]), float(middle[2])),
        height_m=body.solids.extent(np.array([0.0, 1.0, 0.0]))[1],
        key=("doer", actor.look, doing.pose),
        make=lambda: _parts(look, body),
        view=view,
        foot=(foot[0], foot[1]),
        across=across,
        upward=-fall,
        shear=shear,
        sag=sag,
        body=body,
        heading=heading,
        standing_at=at,
        recede=recede,
    )


def _parts(look: Look, body: PosedBody) -> tuple[Solids, tuple[Material, ...]]:
    return body.solids, look.materials


def _corners(solids: Solids) -> FloatArray:
    """Points (12 N, 3), m, on the spheres of all solids: above, below and on the four sides of each."""
    sides = np.concatenate([np.eye(3), -np.eye(3)])
    ends = [
        centre[:, None] + radius[:, None, None] * sides for centre, radius in ((solids.start, solids.start_r), (solids.end, solids.end_r))
    ]
    return np.concatenate(ends).reshape(-1, 3)
