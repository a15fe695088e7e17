"""The `tapeline` command: one group of subcommands for each person and process."""
