"""A scene on disk: the video, the truth of each frame as COCO and MOT, and the events that rules should find."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from panops.config.schema import SimulationConfig
from panops.domain.boxes import xyxy_to_xywh
from panops.domain.geometry import Polygon, Tripwire
from panops.simulation.coco_keypoints import coco_keypoints, coco_person
from panops.simulation.encoding import TIME_BASE, H264Encoder
from panops.simulation.scene import Scene
from panops.simulation.sim_address import check_size
from panops.simulation.truth import SceneTruth, crossings, intrusions, loiterings

# Ids of COCO, so that the files fit models trained on it.
COCO_IDS = {"person": 1, "bicycle": 2, "car": 3, "motorcycle": 4, "bus": 6, "truck": 8, "bird": 16, "cat": 17}
WATCHED = ("person", "bicycle", "car", "motorcycle", "bus", "truck")
LOITERING_S = 10.0


@dataclass(frozen=True, slots=True)
class Recording:
    """What was written.

    Attributes:
        folder: Where `video.mp4`, `truth.coco.json`, `gt.txt` and `events.json` are.
        frames: How many frames.
        objects: How many boxes.
        tracks: How many different objects.
        events: How many events.
        video_bytes: Length of the video.
    """

    folder: Path
    frames: int
    objects: int
    tracks: int
    events: int
    video_bytes: int


def record(
    config: SimulationConfig,
    seconds: float,
    folder: Path,
    *,
    start_s: float = 0.0,
    preset: str = "veryfast",
    crf: int = 20,
    on_frame: Callable[[int, int], None] | None = None,
) -> Recording:
    """Write a scene's video and truth. The same arguments give the same bytes.

    Args:
        config: The scene.
        seconds: How long, s; at least one frame is written.
        folder: Where to; made when it is missing.
        start_s: Scene time to begin at, s.
        preset: The encoder's.
        crf: The encoder's quality.
        on_frame: Called after each frame with how many are done and how many there will be.

    Returns:
        Counts of what was written.

    Raises:
        SourceUnsupported: The picture size cannot be encoded.
        OSError: The folder cannot be written.
    """
    check_size(config.size_wh)
    folder.mkdir(parents=True, exist_ok=True)
    scene = Scene(config)
    first, count = round(start_s * config.rate_fps), max(1, round(seconds * config.rate_fps))
    encoder = H264Encoder(config.size_wh, config.rate_fps, preset=preset, crf=crf)
    truths = []
    video = folder / "video.mp4"
    # Bit-exact: no encoder version or time of writing goes into the file.
    with av.open(str(video), "w", format="mp4", options={"movflags": "+faststart", "fflags": "+bitexact"}) as output:
        stream = output.add_stream_from_template(encoder.stream, opaque=False)
        stream.time_base = TIME_BASE
        step = round(Fraction(1) / (TIME_BASE * Fraction(config.rate_fps).limit_denominator(1001)))
        for number in range(count):
            for packet in encoder.encode(scene.render(first + number), number / config.rate_fps):
                packet.stream = stream
                packet.duration = step
                output.mux(packet)
            truths.append(scene.truth(first + number))
            if on_frame is not None:
                on_frame(number + 1, count)
        for packet in encoder.flush():
            packet.stream = stream
            packet.duration = step
            output.mux(packet)
    events = list_events(truths, scene.zones(), scene.lines(), origin_s=first / config.rate_fps)
    _write_json(folder / "truth.coco.json", _coco(truths, config))
    _write_mot(folder / "gt.txt", truths)
    _write_json(
        folder / "events.json", {"scene": config.model_dump(mode="json"), "start_s": start_s, "seconds": count / config.rate_fps, **events}
    )
    rows = sum(len(truth) for truth in truths)
    tracks = len({int(track) for truth in truths for track in truth.track_id})
    return Recording(folder, count, rows, tracks, len(events["events"]), video.stat().st_size)


def list_events(truths: list[SceneTruth], zones: list[Polygon], lines: list[Tripwire], origin_s: float = 0.0) -> dict[str, Any]:
    """Zones, lines and the events in them as JSON values: intrusions (1 s), loiterings (10 s) and line crossings; times less `origin_s`."""
    events: list[dict[str, Any]] = []
    for zone in zones:
        for kind, found in (
            ("intrusion", intrusions(truths, zone, WATCHED)),
            ("loitering", loiterings(truths, zone, WATCHED, LOITERING_S)),
        ):
            for stay in found:
                row = {"kind": kind, "zone": zone.name, **asdict(stay)}
                events.append({**row, "start_s": round(stay.start_s - origin_s, 4), "end_s": round(stay.end_s - origin_s, 4)})
    for line in lines:
        for crossing in crossings(truths, line, WATCHED):
            row = {"kind": "line_crossing", "zone": line.name, **asdict(crossing)}
            del row["time_s"]
            events.append({**row, "start_s": round(crossing.time_s - origin_s, 4), "end_s": round(crossing.time_s - origin_s, 4)})
    events.sort(key=lambda event: (event["start_s"], event["kind"], event["zone"], event["track_id"]))
    return {
        "zones": {zone.name: np.round(zone.points, 5).tolist() for zone in zones},
        "lines": {line.name: np.round(line.points, 5).tolist() for line in lines},
        "events": events,
    }


def _coco(truths: list[SceneTruth], config: SimulationConfig) -> dict[str, Any]:
    """Images are the video's frames in order; `visible`, `track_id`, `wears` and `posture` are additions that readers of COCO pass over."""
    width, height = config.size_wh
    images = [
        {"id": number + 1, "file_name": f"{number:06d}.jpg", "width": width, "height": height, "frame_index": number}
        for number in range(len(truths))
    ]
    annotations: list[dict[str, Any]] = []
    for number, truth in enumerate(truths):
        for row, box in enumerate(xyxy_to_xywh(truth.xyxy)):
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number + 1,
                    "category_id": COCO_IDS[truth.class_name[row]],
                    "bbox": [round(float(value), 2) for value in box],
                    "area": round(float(box[2] * box[3]), 2),
                    "iscrowd": 0,
                    "track_id": int(truth.track_id[row]),
                    "visible": round(float(truth.visible[row]), 3),
                    **(_of_person(truth, row) if truth.class_name[row] == "person" else {}),
                }
            )
    categories = [
        {"id": number, "name": name, **(coco_person() if name == "person" else {})}
        for name, number in sorted(COCO_IDS.items(), key=lambda item: item[1])
    ]
    return {
        "info": {"description": f"simulated {config.scene}, seed {config.seed}"},
        "images": images,
        "annotations": annotations,
        "categories": categories,
    }


def _of_person(truth: SceneTruth, row: int) -> dict[str, Any]:
    return {
        "wears": list(truth.wears[row]),
        "posture": truth.posture[row],
        **coco_keypoints(truth.keypoints[row], truth.size_wh),
    }


def _write_mot(path: Path, truths: list[SceneTruth]) -> None:
    """MOT17's ground truth: frame, id, left, top, width, height, counts, class, visibility; ids are numbered as they appear."""
    numbers: dict[int, int] = {}
    lines = []
    for frame, truth in enumerate(truths, start=1):
        for row, box in enumerate(xyxy_to_xywh(truth.xyxy)):
            number = numbers.setdefault(int(truth.track_id[row]), len(numbers) + 1)
            sides = ",".join(f"{float(value):.2f}" for value in box)
            lines.append(f"{frame},{number},{sides},1,{COCO_IDS[truth.class_name[row]]},{float(truth.visible[row]):.3f}\n")
    path.write_text("".join(lines), encoding="utf-8")


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, separators=(",", ":"), sort_keys=True) + "\n", encoding="utf-8")
