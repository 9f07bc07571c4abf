"""Stage 8: stored events to people and other systems, at least once.

`courier` takes one sink's deliveries from the outbox, one after the other; `timing` decides when: waiting, quiet hours, grouping.
`webhook`, `email`, `mqtt`, `file` and `apprise` are the sinks, `registry` finds them, `words` says what happened to people, `payload` to
programs.
"""
