"""Data sets: read, check, look at, split and write labelled pictures. Never imported by the live path.

In reading order: `problems` (what can be wrong), `opening` (a path -> its sets), `coco`, `yolo` with `yolo_description` and `yolo_labels`,
`voc` (one format each, in and out), `sidecar` (what YOLO and VOC cannot say), `description` (`dataset.yaml`), and what they stand on:
`picture_builder` (boxes checked, the same for all formats), `picture_finder`, `picture_size`, `picture_placing`, `text_file`, `whole_file`
(files appear whole or not at all). Then what is done with a set: `checking`, `picture_look` and `near_copies`, `splitting`, `picking`,
`statistics`, `contact_sheet` with `box_drawing`; `chart`, `statistics_charts` and `statistics_page` show it.
"""

from panops.datasets.coco import load_coco, read_coco, write_coco
from panops.datasets.opening import open_dataset, open_sets
from panops.datasets.problems import DataProblem, ReadReport
from panops.datasets.voc import load_voc, write_voc
from panops.datasets.yolo import load_yolo, write_yolo

__all__ = [
    "DataProblem",
    "ReadReport",
    "load_coco",
    "load_voc",
    "load_yolo",
    "open_dataset",
    "open_sets",
    "read_coco",
    "write_coco",
    "write_voc",
    "write_yolo",
]
