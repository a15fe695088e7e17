"""Thin gRPC servicers: they decode, call a service, and encode."""
