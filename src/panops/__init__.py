"""panops: from any of many cameras to a true alarm with proof.

Read the packages in the order of a frame's way: `ingest`, `motion`, `inference`, `vision`, `tracking`, `rules`, `storage`; `pipeline`
joins them, `api` and `web` show them, `cli` starts them.
"""

import os

__version__ = "0.1.0"

# onnxruntime's builds for Linux report their use unless this is set before they are imported; nothing leaves the machine unasked.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
