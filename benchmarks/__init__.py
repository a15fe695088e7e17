"""Measurements: `make bench` writes JSON and a plot to benchmarks/results/; timing never fails a test."""
