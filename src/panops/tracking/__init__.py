"""Who is who from frame to frame: the detections of all cameras in one call, tracks out.

In reading order: `tracker` (the way of a tick), `settings` (the policy), `intake` (detections as flat arrays), `kalman` (the motion model),
`association` (which boxes overlap), `assignment` (who goes with whom), `lifecycle` (birth, confirmation, class vote, loss, duplicates),
`report` (what is told); `track_table` and `cameras` hold what is remembered, `class_groups` says which classes are confusable.

The tick in one line: predict by real elapsed time -> pairs of the same camera -> match strong, weak, tentative -> correct -> die, be born.
docs/tracking.md has the figures, and tests/unit/tracking/reference_tracker.py the same in plain loops.
"""
