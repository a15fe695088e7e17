"""The encrypted local store: one SQLCipher database in a folder of its own."""
