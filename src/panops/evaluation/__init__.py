"""How good is it? Figures that others can compare: tracking by the metrics of MOTChallenge, detection by COCO's.

Tracking, in reading order: `mot_files` (text files in and out), `comparison` (truth and tracks side by side, cleaned), the metrics `hota`,
`clear` and `identity`, and `tracking_score` (all of them, combined over sequences, and a tracker run over recorded detections);
`synthetic_load` makes the load of the bench. Numbers equal TrackEval's; the tests prove it.

Detection: `detection_cases` (labels and detections side by side, partial labels), `coco_matching` (pycocotools' matching as arrays),
`precision_recall` (curves and AP of any part), `detection_score` (all figures), `detection_summary` (means of one's own),
`detection_advice` (thresholds), `detection_errors` (what goes wrong), `detection_worst` (the pictures to look at), `detection_result`
(all of it for one model), `data_fingerprint`; `detection_charts`, `detection_page_style` and `detection_page` show it. Numbers equal
pycocotools'; the tests prove that too.
Nothing in the live path imports this room.
"""
