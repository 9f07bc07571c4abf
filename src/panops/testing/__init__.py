"""What tests and benchmarks stand on: fakes, and the real servers that they talk to. Not imported by the product, only by `panops.bench`.

- `*_conformance`: the suites that every implementation of a protocol must pass, built in or plugged in.
- `live_site`, `moving_scene`, `tiny_onnx`: fakes and small things to feed the real code with.
- `fake_device`: a device with a latency model; `device_traffic`: the traffic of many cameras against it, in virtual time.
- `films`: small video files of known content.
- `load_cameras`: `LoadCameras`, hundreds of light RTSP cameras in a process of its own (`load_server`, `rtp_film`), for benches.
- `rtsp_server`: `RtspServer`, a real RTSP server in a process of its own; `gst_rtsp_server` is the script that the system's Python runs.
"""
