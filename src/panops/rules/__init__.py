"""Tracks in, events out: what happened, when it began and when it was over.

Read in this order: `scene` (what a rule knows of its camera, worked out once for all rules), `track_table` (who is in view or in a zone
since when, on arrays), `open_incident` (what is gathered while an incident lasts), the rules `intrusion`, `line_crossing`, `loitering` and
`occupancy`. More rules are made of these and of `object_incidents` (an incident for each object), `trail` (where objects were lately, for
`direction` and `speed`) and `still_objects` (what stands still, for `object_left` and `object_removed`); `crowding`, `tailgating`,
`absence` and `dwell` need no more, and `combined` listens to other rules. `compliance` has `worn_items` (whose hat is it, in one look) and
`vote_tally` (what many looks say).

Then `schedule` (when a rule is on), `cooldown` (its rest after an event), `registry` (rules by name, plug-ins too), `build` (from the site
file to rules) and `engine` (rules to events with identities). `docs/rules.md` says what each rule means to its user.
"""
