"""What pictures mean: one file a task, pre- and post-processing only. How a model runs is the business of `inference`.

Read in this order:

- `letterbox`: where a picture lies inside a model's input, and the way back.
- `preprocess`: from a `Frame` to the input tensor, as the manifest says.
- `candidates`: from the raw rows of a detector to the `Detections` that are kept.
- `detect_yolox`, `detect_fastestdet`, `detect_ssd`: what the outputs of each kind of detector mean.
- `blaze_anchors`, `blaze_decode`, `detect_blaze`: faces, palms and bodies by MediaPipe's small detectors.
- `landmark_roi`, `landmark_detector`: an object's landmarks in a turned square, followed from frame to frame without its detector; of
  faces (`face_mesh`), hands (`hands`) and bodies (`pose_blaze`, `heatmap`), steadied by `point_smoothing`.
- `registry`: the heads by name (plug-ins: entry points in `panops.heads`) and `open_task`.
- `model_task`: a task and a backend as one; `model_detector`: the same as a `Detector`.
- `batch_detector`: a task and a device that takes batches as one detector, whose looks are begun and then collected.
- `moving`: the detector without weights, `motion`.
- `faces_mtcnn`: faces and five points of each by three networks, with `mtcnn_boxes` and `picture_sums`.
- `face_points`: the five points of a face in one order, whichever detector gave them; `face_alignment`: faces turned upright, at the size
  that recognition wants; `face_quality`: whether a face is good enough; `face_embedding`: what tells faces apart, as numbers;
  `face_search`: whose face is nearest; `face_liveness`: a living face or a picture of one.
"""
