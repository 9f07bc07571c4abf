"""`panops doctor`: is this machine fit, and what does each camera of a site really send?"""

from __future__ import annotations

import importlib.metadata
import json
import shutil
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from panops.commands.options import HomeOption, JsonOption
from panops.config.load import load_site
from panops.config.schema import CameraConfig
from panops.domain.clock import SystemClock
from panops.domain.device import CPU, Device
from panops.domain.errors import ConfigError, ModelError, PanopsError, StorageError
from panops.inference.device_check import look_at_device
from panops.ingest.probe import ProbeReport, probe_source
from panops.ingest.registry import open_source
from panops.models.default import likely_default
from panops.models.store import ModelStore
from panops.storage.file_check import inspect_file
from panops.storage.home import Home

_LEAST_FREE_GIB = 2.0
_AT_ONCE = 8
_LONG_GOP_S = 5.0
_LARGE_PX = 1280 * 720
# How long the database is looked through, and how long to wait for a process that holds it.
_CHECK_S = 10.0
_PATIENCE_S = 2.0


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at on this machine.

    Attributes:
        name: What was looked at.
        ok: Whether it is fine. Fine with advice is a note: it works, and could be better.
        found: What was found.
        advice: What to do about it, or empty.
    """

    name: str
    ok: bool
    found: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class CameraCheck:
    """One camera, looked at by connecting to it.

    Attributes:
        camera_id: The camera.
        ok: Whether a picture came.
        state: `live`, `disabled`, or the kind of failure.
        message: One sentence.
        address: Without the password.
        codec: Codec name.
        size_wh: Picture size, px.
        rate_fps: Frames per second, or None.
        keyframe_interval_s: Time between keyframes, s, or None when it was not seen.
        took_s: Time to the first picture, s.
        advice: What would make it better, or empty.
    """

    camera_id: str
    ok: bool
    state: str
    message: str
    address: str = ""
    codec: str = ""
    size_wh: tuple[int, int] = (0, 0)
    rate_fps: float | None = None
    keyframe_interval_s: float | None = None
    took_s: float = 0.0
    advice: str = ""


def doctor(
    site: Annotated[Path | None, typer.Argument(help="A site file; without one only this machine is looked at.")] = None,
    camera: Annotated[str | None, typer.Option("--camera", "-c", help="Look at this camera only.")] = None,
    device: Annotated[
        str | None, typer.Option(help="What shall run models: cpu, cuda, cuda:1, tensorrt; the site file's otherwise.")
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look at this machine, and connect to every camera of a site.

    Ends with 0 when all is well, 1 when something is not, 2 when the site file or the camera's name is wrong.
    """
    cameras: dict[str, CameraConfig] = {}
    wanted = CPU
    if site is not None:
        try:
            loaded = load_site(site)
        except ConfigError as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(2) from None
        cameras, wanted = dict(loaded.cameras), Device.parse(loaded.device)
    if device is not None:
        try:
            wanted = Device.parse(device)
        except ValueError as error:
            typer.echo(f"--device: {error}", err=True)
            raise typer.Exit(2) from None
    if camera is not None:
        if camera not in cameras:
            known = ", ".join(sorted(cameras)) or "none"
            typer.echo(f"there is no camera {camera!r} in {site or 'no site file'}; known are: {known}", err=True)
            raise typer.Exit(2)
        cameras = {camera: cameras[camera]}
    checks = check_machine(Home(home), wanted)
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="doctor") as pool:
        looked = list(pool.map(lambda item: check_camera(*item), cameras.items()))
    ok = all(check.ok for check in checks) and all(check.ok for check in looked)
    if as_json:
        found = {"ok": ok, "machine": [asdict(check) for check in checks], "cameras": [asdict(check) for check in looked]}
        typer.echo(json.dumps(found, indent=2))
    else:
        _print(checks, looked)
    raise typer.Exit(0 if ok else 1)


def check_machine(home: Home, device: Device = CPU) -> list[Check]:
    """Python, the inference runtimes, the device, the data folder and its disk, the database and the model that cameras use."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    python = _check("Python", (3, 11) <= sys.version_info[:2] <= (3, 13), version, "use Python 3.11, 3.12 or 3.13")
    return [python, _runtime(), _device(device), *_home(home)]


def check_camera(camera_id: str, config: CameraConfig) -> CameraCheck:
    """Connect to one camera and watch it for a moment."""
    if not config.enabled:
        return CameraCheck(camera_id, True, "disabled", "switched off in the site file")
    try:
        report = probe_source(open_source(camera_id, config, SystemClock()))
    except PanopsError as error:
        return CameraCheck(camera_id, False, getattr(error, "kind", "error"), str(error))
    return CameraCheck(
        camera_id,
        report.ok,
        report.state,
        report.message,
        report.address,
        report.codec,
        report.size_wh,
        report.rate_fps,
        report.keyframe_interval_s,
        round(report.took_s, 3),
        advice(report, config),
    )


def advice(report: ProbeReport, config: CameraConfig) -> str:
    """What would make a camera that works work better; empty when there is nothing to say."""
    if not report.ok:
        return ""
    said = []
    if report.size_wh[0] * report.size_wh[1] > _LARGE_PX:
        said.append("use the camera's sub-stream (about 640x360) for detection: decoding costs grow with the picture")
    if report.codec in {"mjpeg", "rawvideo"}:
        said.append(f"{report.codec} needs much bandwidth, and clips must be encoded; choose H.264 if the camera has it")
    if report.keyframe_interval_s is not None and report.keyframe_interval_s > _LONG_GOP_S:
        said.append(f"a keyframe every {report.keyframe_interval_s:.0f} s is rare: clips begin early and waking is slow; set 2 s")
    if report.rate_fps is not None and report.rate_fps < config.check_fps:
        said.append(f"it sends {report.rate_fps:.3g} frames/s, fewer than the {config.check_fps:g} checks/s that are asked for")
    return "; ".join(said)


def _runtime() -> Check:
    found = []
    for package in ("openvino", "onnxruntime", "onnxruntime-gpu"):
        try:
            found.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return _check("Inference", bool(found), ", ".join(found) or "none", "install openvino or onnxruntime")


def _device(device: Device) -> Check:
    """What runs models, tried out."""
    report = look_at_device(device)
    return Check("Device", report.ok, report.found, report.advice)


def _home(home: Home) -> list[Check]:
    try:
        home.create()
        free_gib = shutil.disk_usage(home.path).free / 2**30
    except (StorageError, OSError) as error:
        return [Check("Data folder", False, str(error), "set PANOPS_HOME to a folder that this user may write")]
    disk = _check(
        "Free disk", free_gib >= _LEAST_FREE_GIB, f"{free_gib:.1f} GiB", f"events and clips need at least {_LEAST_FREE_GIB:g} GiB"
    )
    return [Check("Data folder", True, str(home.path)), disk, _database(home), _model(ModelStore(home.models))]


def _database(home: Home) -> Check:
    """The database's file, looked through for damage; a site that runs on it is not disturbed."""
    try:
        if not home.database.exists():
            return Check("Database", True, "none yet; the first start makes it")
        whole = inspect_file(home.database, str(home.database), _PATIENCE_S, _CHECK_S)
    except StorageError as error:
        reason, _, advice = str(error).partition("; ")
        return Check("Database", False, reason, advice or "see the message")
    size_mib = home.database.stat().st_size / 2**20
    return Check("Database", True, f"{size_mib:.1f} MiB, sound" + ("" if whole else f" as far as was seen in {_CHECK_S:g} s"))


def _model(store: ModelStore) -> Check:
    """What cameras use that name no model."""
    model = likely_default(store)
    if not store.is_installed(model):
        here = ", ".join(other.manifest.name for other in store.list())
        found = f"{model} is not installed (others are: {here})" if here else "no model is installed"
        without = "cameras that name none use motion, which finds whatever moves but cannot tell what it is"
        return Check("Model", True, f"{found}: {without}", f"get it with: panops models add {model}")
    try:
        store.get(model)
    except ModelError as error:
        return Check("Model", False, str(error), f"get it again with: panops models add {model} --replace")
    return Check("Model", True, model)


def _check(name: str, ok: bool, found: str, advice: str) -> Check:
    """A check whose advice is for the case that it is not fine."""
    return Check(name, ok, found, "" if ok else advice)


def _print(checks: Sequence[Check], cameras: Sequence[CameraCheck]) -> None:
    console = Console()
    machine = Table("", "This machine", Column("Found", overflow="fold"), Column("What to do", overflow="fold"))
    for check in checks:
        mark = "[yellow]note[/yellow]" if check.ok and check.advice else _mark(check.ok)
        machine.add_row(mark, check.name, escape(check.found), escape(check.advice))
    console.print(machine)
    if not cameras:
        return
    table = Table("", "Camera", "State", "Video", "Frames/s", "Keyframes", "Opened in", "What to do")
    for found in cameras:
        width, height = found.size_wh
        table.add_row(
            _mark(found.ok),
            found.camera_id,
            found.state,
            f"{found.codec} {width}x{height}" if found.ok and found.codec else "",
            _number(found.rate_fps, ""),
            _number(found.keyframe_interval_s, " s"),
            _number(found.took_s if found.ok and found.codec else None, " s"),
            found.advice if found.ok else "see below",
        )
    console.print(table)
    # In full, for a narrow terminal would cut the very words that say what is wrong.
    for found in cameras:
        if not found.ok:
            console.print(f"{found.camera_id}: {found.message}", markup=False, soft_wrap=True)


def _mark(ok: bool) -> str:
    return "[green]ok[/green]" if ok else "[red]no[/red]"


def _number(value: float | None, unit: str) -> Any:
    return f"{value:.3g}{unit}" if value is not None else ""
