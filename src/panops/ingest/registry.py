"""Which source reads which address. Built-ins and plug-ins load the same way, and only when used."""

from __future__ import annotations

from collections.abc import Callable

from panops.config.schema import CameraConfig
from panops.domain.clock import Clock
from panops.domain.errors import PluginError, SourceUnsupported
from panops.domain.protocols import Source
from panops.domain.registry import Entry, Registry
from panops.ingest.address import Address, AddressKind, parse_address
from panops.ingest.device import DeviceSource
from panops.ingest.file import FileSource
from panops.ingest.http import HttpSource
from panops.ingest.rtsp import RtspSource

# What is registered makes a source from (camera_id, camera, clock); whatever can also be read faster than it comes takes `realtime`, too.
# The simulated site is another room's and is never imported here.
SOURCES = Registry("camera source", "panops.sources", {"sim": Entry("panops.simulation.source:SimulatedSource")})

_Maker = Callable[[Address, CameraConfig, Clock, bool], Source]


def _rtsp(address: Address, camera: CameraConfig, clock: Clock, realtime: bool) -> Source:
    del realtime
    return RtspSource(address, clock, transport=camera.transport, stall_s=camera.stall_s)


def _http(address: Address, camera: CameraConfig, clock: Clock, realtime: bool) -> Source:
    return HttpSource(address, clock, realtime=realtime, loop=camera.loop and realtime, stall_s=camera.stall_s)


def _file(address: Address, camera: CameraConfig, clock: Clock, realtime: bool) -> Source:
    return FileSource(address, clock, realtime=realtime, loop=camera.loop and realtime)


def _device(address: Address, camera: CameraConfig, clock: Clock, realtime: bool) -> Source:
    del realtime
    return DeviceSource(address, clock, stall_s=camera.stall_s)


_MAKERS: dict[AddressKind, _Maker] = {
    AddressKind.RTSP: _rtsp,
    AddressKind.HTTP: _http,
    AddressKind.FILE: _file,
    AddressKind.FOLDER: _file,
    AddressKind.GLOB: _file,
    AddressKind.DEVICE: _device,
}


def open_source(camera_id: str, camera: CameraConfig, clock: Clock, *, realtime: bool = True) -> Source:
    """The right source for a camera's address; it is not connected yet.

    Args:
        camera_id: The camera.
        camera: Its settings.
        clock: Time.
        realtime: A camera of a site: recordings are paced and dated in UTC. False reads them as fast as they come, once, with media times
            (`panops process`).

    Raises:
        SourceUnsupported: The address cannot be understood, or nothing reads its scheme.
    """
    address = parse_address(camera.source.get_secret_value())
    maker = _MAKERS.get(address.kind)
    if maker is not None:
        return maker(address, camera, clock, realtime)
    try:
        plugin: Callable[..., Source] = SOURCES.load(address.scheme)
    except PluginError as error:
        raise SourceUnsupported(f"{address.masked} cannot be read: {error}") from error
    return plugin(camera_id, camera, clock) if realtime else plugin(camera_id, camera, clock, realtime=False)
