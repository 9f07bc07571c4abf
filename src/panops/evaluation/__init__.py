"""How good is it? Figures that others can compare: today tracking, by the metrics and files of MOTChallenge.

In reading order: `mot_files` (text files in and out), `comparison` (truth and tracks side by side, cleaned), the metrics `hota`, `clear`
and `identity`, and `tracking_score` (all of them, combined over sequences, and a tracker run over recorded detections). Numbers equal
TrackEval's; the tests prove it. Nothing in the live path imports this room.
"""
