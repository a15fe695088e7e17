"""What users import in their tests: a clock, a founding and a small real deployment as pytest fixtures."""
