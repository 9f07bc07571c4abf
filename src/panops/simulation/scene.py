"""A simulated camera: any frame by its number, the same bytes each time, and the truth of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from panops.config.schema import SimulationConfig
from panops.domain.geometry import Polygon, Tripwire
from panops.simulation import compositing, figures, weather
from panops.simulation.backdrop import Backdrop, backdrop, brightness, cast_shadow
from panops.simulation.barrier import BoomFigure, openness
from panops.simulation.camera_model import CameraModel
from panops.simulation.keypoints import in_the_open
from panops.simulation.light import display
from panops.simulation.posed_figure import figure_at
from panops.simulation.script import Script
from panops.simulation.static_picture import FAR_CM
from panops.simulation.truth import Person, SceneTruth

Picture = NDArray[np.uint8]
Coverage = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Parts:
    """What of a frame is drawn; tests and training take it apart.

    Attributes:
        actors: People, vehicles, animals, the barrier's boom aside.
        shadows: Their shadows and headlights.
        air: Rain, noise, insects and jumps of the exposure.
    """

    actors: bool = True
    shadows: bool = True
    air: bool = True


EVERYTHING = Parts()


class Scene:
    """One simulated camera. Used by one thread at a time; scenes of equal site, size and weather share what does not depend on the seed.

    Args:
        config: Scene, seed, activity, workers, deeds, rate, size and weather.
    """

    def __init__(self, config: SimulationConfig) -> None:
        """Make or find the backdrop; takes a second or two for the first scene of its kind."""
        self.config = config
        self._backdrop: Backdrop = backdrop(config.scene, config.size_wh, config.weather)
        self._script = Script(self._backdrop.site, config.seed, config.activity, config.workers, config.deeds, config.climbs)
        self._clouds = weather.clouds(self._backdrop.site, self.camera, self._backdrop.still, config.weather, config.seed)
        self._faults = weather.LensFaults(config.seed, self._backdrop.site, config.weather, config.size_wh)

    @property
    def camera(self) -> CameraModel:
        """The camera that looks at it."""
        return self._backdrop.camera

    @property
    def size_bytes(self) -> int:
        """Memory of the shared backdrop; sprites of the process come on top, see `sprite_cache`."""
        return self._backdrop.size_bytes

    def time_s(self, frame_index: int) -> float:
        """Scene time of a frame, s."""
        return frame_index / self.config.rate_fps

    def zones(self) -> list[Polygon]:
        """Areas of the site worth a rule, relative."""
        return [Polygon(name, np.clip(self._relative(points), 0.0, 1.0)) for name, points in self._backdrop.site.zones.items()]

    def lines(self) -> list[Tripwire]:
        """Tripwires worth a rule, relative."""
        return [Tripwire(name, np.clip(self._relative(points), 0.0, 1.0)) for name, points in self._backdrop.site.lines.items()]

    def render(self, frame_index: int, parts: Parts = EVERYTHING) -> Picture:
        """The picture (H, W, 3) uint8 RGB of a frame, in any order, a fresh array."""
        time_s = self.time_s(frame_index)
        scene = self._backdrop
        picture = scene.still.rgb.copy()
        for patch in scene.patches:
            patch.paste(picture, time_s)
        shade = self._clouds.at(time_s) if self._clouds is not None else None
        if shade is not None:
            self._cloud_over(picture, shade)
        seen = self._figures(time_s, actors=parts.actors)
        if parts.shadows:
            for figure in seen:
                self._shadow(picture, figure)
        for figure in seen:
            self._put(picture, figure, shade, lights=parts.shadows)
        if parts.air:
            self._through_the_air(picture, frame_index, time_s)
        return picture

    def truth(self, frame_index: int) -> SceneTruth:
        """What is really there in a frame, exactly as drawn."""
        time_s = self.time_s(frame_index)
        scene = self._backdrop
        width, height = self.config.size_wh
        taken = np.zeros((height, width), np.float32)
        rows: list[tuple[int, str, figures.Box, float]] = []
        people: dict[int, Person] = {}
        everything = [*self._figures(time_s, actors=True), *scene.parked]
        parked = {id(figure) for figure in scene.parked}
        for figure in sorted(everything, key=lambda one: one.depth_m):
            x1, y1 = max(math.floor(figure.box[0]) - 1, -width), max(math.floor(figure.box[1]) - 1, -height)
            x2, y2 = min(math.ceil(figure.box[2]) + 1, 2 * width), min(math.ceil(figure.box[3]) + 1, 2 * height)
            window = compositing.window_of(figure.box, (width, height))
            if x2 <= x1 or y2 <= y1 or window is None:
                continue
            alpha = figure.pixels((x1, y1, x2, y2), scene.figure_light, (1.0, 1.0, 1.0), lamps_on=False)[..., 3]
            whole = alpha.astype(np.float32) * np.float32(1 / 255)
            inside = whole[window[1] - y1 : window[3] - y1, window[0] - x1 : window[2] - x1]
            # A parked vehicle is itself in the depth map: a little nearer, it does not hide itself.
            depth = figure.depth_in(window) - (0.05 if id(figure) in parked else 0.0)
            unhidden = compositing.visibility(scene.still, window, depth)
            drawn = inside if unhidden is None else inside * (unhidden.astype(np.float32) * np.float32(1 / 255))
            covered = taken[window[1] : window[3], window[0] : window[2]]
            shown = drawn * (1 - covered)
            rows += [
                (thing.track_id, thing.class_name, thing.box, _share(thing.box, whole, shown, (x1, y1), window)) for thing in figure.things
            ]
            unseen = covered if unhidden is None else 1 - (1 - covered) * (unhidden.astype(np.float32) * np.float32(1 / 255))
            people.update(_people(figure, 1 - unseen, window))
            covered += shown
        rows.sort(key=lambda row: row[0])
        return SceneTruth.of(frame_index, time_s, (width, height), rows, people)

    def walkers(self, frame_index: int) -> list[tuple[figures.Thing, figures.BodyFigure]]:
        """Everybody on foot in a frame, also outside of the picture, with the figure that is drawn."""
        return [
            (figure.things[0], figure)
            for figure in self._figures(self.time_s(frame_index), actors=True)
            if isinstance(figure, figures.BodyFigure) and len(figure.things) == 1 and figure.things[0].class_name == "person"
        ]

    def _figures(self, time_s: float, *, actors: bool) -> list[figures.Figure]:
        """Everybody in the picture, farthest first."""
        present = self._script.present(time_s)
        seen: list[figures.Figure] = []
        if actors:
            for actor, where in present:
                figure = figure_at(actor, where, time_s, self.camera)
                if figure is not None:
                    seen.append(figure)
        boom = self._backdrop.site.boom
        if boom is not None:
            seen.append(BoomFigure.at_angle(boom, openness([actor for actor, _ in present], time_s), self.camera))
        return sorted(seen, key=lambda one: -one.depth_m)

    def _shadow(self, picture: Picture, figure: figures.Figure) -> None:
        scene = self._backdrop
        if figure.things and figure.things[0].class_name != "bird":
            cast_shadow(picture, scene.still, figure, self.camera, scene.figure_light, scene.conditions, scene.sunlit)
        if scene.conditions.night and isinstance(figure, figures.VehicleFigure):
            self._beam(picture, figure)

    def _beam(self, picture: Picture, figure: figures.VehicleFigure) -> None:
        """The light of headlights on the ground."""
        sides = [(-0.7, 2.6), (0.7, 2.6), (2.6, 13.0), (-2.6, 13.0)]
        length = figure.placed.mesh.size[2] / 2
        local = np.array([[x, 0.0, z - 2.3 + length] for x, z in sides])
        world = local @ figure.placed.rotation + figure.placed.position
        if float(self.camera.depth(world).min()) < 1.0:
            return
        tint = (74.0, 72.0, 62.0) if not self._backdrop.conditions.infrared else (80.0, 80.0, 80.0)
        soft = int(np.clip(0.7 * self.camera.scale(*figure.at), 2, 24))
        compositing.add_light(picture, self.camera.project(world), tint, soft)

    def _put(self, picture: Picture, figure: figures.Figure, shade: Picture | None, *, lights: bool) -> None:
        """Draw one figure."""
        scene = self._backdrop
        window = compositing.window_of(figure.box, self.config.size_wh)
        if window is None:
            return
        cloud = self._cloud_at(figure, shade)
        light = brightness(figure, scene.conditions, scene.sunlit, self.camera, cloud)
        rgba = figure.pixels(window, scene.figure_light, light, lamps_on=scene.conditions.night or scene.conditions.wet > 0)
        unhidden = compositing.visibility(scene.still, window, figure.depth_in(window))
        if unhidden is not None:
            rgba = np.asarray(cv2.multiply(rgba, cv2.merge([unhidden] * 4), scale=1 / 255), dtype=np.uint8)
        self._fade(rgba, figure.depth_m)
        if scene.conditions.infrared:
            grey = cv2.cvtColor(rgba, cv2.COLOR_RGBA2GRAY)
            rgba[..., :3] = grey[..., None]
        compositing.blend(picture, rgba, window)
        compositing.behind_mesh(picture, scene.still, window, figure.depth_m)
        if lights and scene.conditions.night and isinstance(figure, figures.VehicleFigure):
            self._glare(picture, figure)

    def _fade(self, rgba: Picture, depth_m: float) -> None:
        """Let haze take a far figure's colours."""
        light = self._backdrop.conditions.light
        # Near by it changes nothing that could be seen, and costs as much as the drawing.
        haze = 1 - 0.5 ** (max(depth_m - 20.0, 0.0) / light.haze_m)
        if haze > 0:
            target = display(np.asarray(light.haze_rgb))
            alpha = rgba[..., 3:].astype(np.float32) * np.float32(haze / 255)
            rgba[..., :3] = np.rint(rgba[..., :3] * np.float32(1 - haze) + alpha * target)

    def _glare(self, picture: Picture, figure: figures.VehicleFigure) -> None:
        """The glow around lamps that shine towards the camera."""
        body, rotation, position = figure.placed.mesh, figure.placed.rotation, figure.placed.position
        eye = np.array([0.0, self.camera.height_m, 0.0])
        for lamps, ahead, rgb, size in (
            (body.headlights, 1.0, (230.0, 225.0, 205.0), 0.34),
            (body.taillights, -1.0, (150.0, 24.0, 16.0), 0.20),
        ):
            for point in lamps @ rotation + position:
                towards = eye - point
                facing = ahead * float(rotation[2] @ towards) / float(np.linalg.norm(towards))
                depth = float(self.camera.depth(point[None])[0])
                if facing <= 0.1 or depth < 1.0 or self._hidden(point, depth):
                    continue
                x, y = self.camera.project(point[None])[0]
                colour = rgb if not self._backdrop.conditions.infrared else (max(rgb),) * 3
                compositing.add_glare(
                    picture,
                    float(x),
                    float(y),
                    2.0 + size * facing * self.camera.focal_px / depth,
                    (colour[0] * facing, colour[1] * facing, colour[2] * facing),
                )

    def _hidden(self, point: NDArray[np.float64], depth: float) -> bool:
        x, y = self.camera.project(point[None])[0]
        width, height = self.config.size_wh
        if not (0 <= x < width and 0 <= y < height):
            return True
        return bool(self._backdrop.still.depth_cm[int(2 * y), int(2 * x)] < min(depth * 100, FAR_CM) - 60)

    def _cloud_over(self, picture: Picture, shade: Picture) -> None:
        full = cv2.cvtColor(cv2.resize(shade, self.config.size_wh, interpolation=cv2.INTER_LINEAR), cv2.COLOR_GRAY2RGB)
        cv2.subtract(picture, cv2.multiply(self._backdrop.still.shade, full, scale=1 / 255), dst=picture)

    def _cloud_at(self, figure: figures.Figure, shade: Picture | None) -> float:
        if shade is None:
            return 0.0
        x, y = self.camera.ground(*figure.at)
        width, height = self.config.size_wh
        row = min(max(int(y * shade.shape[0] / height), 0), shade.shape[0] - 1)
        column = min(max(int(x * shade.shape[1] / width), 0), shade.shape[1] - 1)
        return float(shade[row, column]) / 255

    def _through_the_air(self, picture: Picture, frame_index: int, time_s: float) -> None:
        self._faults.insect(picture, time_s)
        exposure = self._faults.exposure(time_s)
        if abs(exposure - 1) > 0.01:
            cv2.convertScaleAbs(picture, dst=picture, alpha=exposure**0.7)
        self._backdrop.air.apply(picture, frame_index)

    def _relative(self, points: tuple[tuple[float, float], ...]) -> NDArray[np.float64]:
        world = np.array([(x, 0.0, z) for x, z in points])
        return np.asarray(self.camera.project(world) / np.array(self.config.size_wh))


def _people(figure: figures.Figure, open_share: Coverage, window: figures.Window) -> dict[int, Person]:
    """What the people of a figure wear, do and where their key points are; `open_share` (H, W) is what of a window nothing covers."""
    found = {}
    for thing in figure.things:
        if thing.joints is not None and isinstance(figure, figures.BodyFigure):
            points = figure.keypoints(thing.joints)
            points[:, 2] *= in_the_open(points[:, :2], open_share, window)
            found[thing.track_id] = Person(thing.wears, thing.posture, points.astype(np.float32))
    return found


def _share(box: figures.Box, whole: Coverage, shown: Coverage, origin: tuple[int, int], window: figures.Window) -> float:
    """How much of a figure's coverage that lies in one thing's box is shown, 0..1."""
    x1, y1, x2, y2 = (round(value) for value in box)
    all_of = whole[max(y1 - origin[1], 0) : max(y2 - origin[1], 0), max(x1 - origin[0], 0) : max(x2 - origin[0], 0)]
    some = shown[max(y1 - window[1], 0) : max(y2 - window[1], 0), max(x1 - window[0], 0) : max(x2 - window[0], 0)]
    total = float(all_of.sum())
    return min(1.0, float(some.sum()) / total) if total else 0.0
