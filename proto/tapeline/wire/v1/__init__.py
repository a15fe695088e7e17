"""Generated messages and services of wire version 1; regenerate with `make proto`."""
