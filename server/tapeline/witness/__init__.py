"""A witness for transparency logs (C2SP tlog-witness), as a process of its own."""
