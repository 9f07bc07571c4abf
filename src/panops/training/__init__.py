"""Training: labelled pictures in, a network's weights out. Needs the extra `[train]` (torch); never imported by the live path."""
