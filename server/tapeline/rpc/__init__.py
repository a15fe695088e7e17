"""gRPC plumbing that the services share: who calls, what each call may hold, errors, login, start and drain."""
