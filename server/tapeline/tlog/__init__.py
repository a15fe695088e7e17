"""A transparency log in a database: storage, publishing with witnesses, tiles over HTTP, copies on disk."""
