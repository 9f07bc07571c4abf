"""What tests and benchmarks stand on: fakes, and the real servers that they talk to. Not imported by the product.

- `rtsp_server`: `RtspServer`, a real RTSP server in a process of its own; `gst_rtsp_server` is the script that the system's Python runs
  there.
"""
