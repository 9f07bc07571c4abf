"""The steps, oldest first by `down_revision`. A step that was released is never changed."""
