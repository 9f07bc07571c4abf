"""Export: a trained network in, files for the places where it runs out, each checked against its source. Never imported by the live path.

In reading order: `exporter` (the whole way, from source to folder), `tracing` (torch to ONNX) and `graph_rewrites` (small, named, quick),
`onnx_source` (ONNX files of others), `files` (one form of a model and its manifest), `passport` (what lies beside the file). Eight bits:
`int8` (the whole attempt), `calibration` (which pictures), `equalising`, `quantising` (NNCF), `gate` (what may be lost), `layer_noise`
(which layers hurt). Phones: `tflite_graph` on `tflite_writer`, `coreml_graph`. GPUs by torch: `torch_program`. Measuring:
`deployed` (the code of live cameras over labelled pictures), `agreement` (two forms side by side).
"""
