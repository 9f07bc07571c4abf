"""Frames in, a verdict out: which deserve the detector.

Read in this order: `gate` (did anything change in the picture, and where), `schedule` (when to look, and when to run the detector).
`docs/motion.md` explains both to users.
"""
