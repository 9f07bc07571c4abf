"""Runs models: named tensors in, named tensors out, one thread a session.

What this room knows is how to load a file and run it; what the tensors mean is the business of `vision`. Read in this order:

- `tensors`: checks inputs against what the model's file says, with messages for people.
- `formats`: tells ONNX, TFLite and OpenVINO IR apart by looking into the file.
- `registry`: the backends by name; plug-ins join through the entry-point group `panops.backends`.
- `open_backend`: picks the backend for a file, and explains why none fits.
- `backends/`: one file each: OpenVINO, onnxruntime, LiteRT, torch.
- `state_dict` with `torch_pickle`: torch's files of weights, read as data; `mtcnn_networks` makes ONNX of three of them, by `onnx_writer`
  and `protobuf_writer`.
- `openvino_import`: imports OpenVINO without the usage report that its package sends otherwise.
- `oip_request`, `oip_answer`: requests and answers of the Open Inference Protocol over HTTP, as bytes and as arrays; `oip_protobuf` with
  `oip_messages`: the same over gRPC; `oip_tensors`, `oip_types`: what both share.

GPUs (docs/gpu.md), in this order:

- `batch_queue`: what makes a batch and what is given up, as a plain object that is told the time; `latency`: what a batch takes.
- `batching`: the engine of a device, its thread; `batch_lane`: one model on the device; `ticket`: an answer to come.
- `onnxruntime_gpu` with `onnx_rewrites` and `engine_cache`: ONNX on CUDA and TensorRT.
- `nvidia`: which GPUs are there; `device_check`: whether one works, for `panops doctor`.
- `torch_archive` and `torch_size`: `.pt2` files, read as data.
"""
