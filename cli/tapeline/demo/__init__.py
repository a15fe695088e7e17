"""The demonstration: the whole story with real processes on this machine."""
