"""Runs models: named tensors in, named tensors out, one thread a session.

What this room knows is how to load a file and run it; what the tensors mean is the business of `vision`. Read in this order:

- `tensors`: checks inputs against what the model's file says, with messages for people.
- `formats`: tells ONNX, TFLite and OpenVINO IR apart by looking into the file.
- `registry`: the backends by name; plug-ins join through the entry-point group `panops.backends`.
- `open_backend`: picks the backend for a file, and explains why none fits.
- `backends/`: one file each: OpenVINO, onnxruntime, LiteRT.
- `openvino_import`: imports OpenVINO without the usage report that its package sends otherwise.
"""
