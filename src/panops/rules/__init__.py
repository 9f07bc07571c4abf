"""Tracks in, events out: what happened, when it began and when it was over.

Read in this order: `scene` (what a rule knows of its camera, worked out once for all rules), `track_table` (who is in view or in a zone
since when, on arrays), `open_incident` (what is gathered while an incident lasts), the rules `intrusion`, `line_crossing`, `loitering` and
`occupancy`, `compliance` with `worn_items` (whose hat is it, in one look) and `vote_tally` (what many looks say), then `schedule` (when a
rule is on), `registry` (rules by name, plug-ins too), `build` (from the site file to rules) and `engine` (rules to events with
identities). `docs/rules.md` says what each rule means to its user.
"""
