"""Measurements of this machine. `make bench` runs them all; figures go to `benchmarks/results/` as JSON with machine and versions."""
