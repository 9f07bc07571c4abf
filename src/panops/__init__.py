"""panops: from any of many cameras to a true alarm with proof.

Read the packages in the order of a frame's way: `ingest`, `motion`, `inference`, `vision`, `tracking`, `rules`, `storage`; `pipeline`
joins them, `api` and `web` show them, `cli` starts them.
"""

__version__ = "0.1.0"
