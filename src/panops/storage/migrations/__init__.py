"""The database's schema, one file a step in `versions/`. `panops.storage.schema` runs them; nobody needs an `alembic.ini`.

A new step: change `tables.py`, add `versions/rNNNN_what.py` whose `down_revision` is the newest before it; the tests say whether both
agree.
"""
