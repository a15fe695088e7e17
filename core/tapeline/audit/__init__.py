"""The offline auditor: replays a copy of both logs and the archive, holds no secret and opens nothing."""
