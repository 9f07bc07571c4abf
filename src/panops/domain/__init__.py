"""The words that every stage shares: plain frozen values over numpy arrays, and the protocols between stages."""
