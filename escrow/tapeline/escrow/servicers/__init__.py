"""The service's gRPC surface: each method unpacks, calls the logic, packs."""
