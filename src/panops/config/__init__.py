"""What users set: the site file and the environment, checked as a whole.

Read in this order: `schema` (the file's shape), `load` (YAML with variables, to a checked site) with `yaml_reader`, `problems` (what
pydantic finds, in plain sentences) and `spelling` (what was meant), `sources` (addresses that cannot be right), `survey` (what only
`panops config check` asks: models, classes, files).
"""
