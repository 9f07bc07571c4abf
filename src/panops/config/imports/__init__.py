"""Cameras from other people's files: a table (`csv_file`), or Frigate's settings (`frigate`), as an `ImportPlan`. It writes nothing."""
