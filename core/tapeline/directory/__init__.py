"""The verifiable directory: a pure replay of the archive log's objects into the facts that records are judged by."""
