"""Is it true? Between a rule's event and the people it would wake: what is known of its object, its place and its picture is weighed.

`chain` (read first) holds an event's beginning back for a moment and asks each step; `case` is what a step may look at. Steps never see
another stage: pictures come as frames, objects as tracks.
"""
