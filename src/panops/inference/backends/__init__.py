"""One file a backend. Nothing here is imported before a model needs it: `registry` says where each one is."""
