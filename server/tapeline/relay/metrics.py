"""What the operator may watch; labels name kinds, rules and roles, never anybody or anything of theirs."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from tapeline.wire.v1.objects_pb2 import LeafType


class LeafCounter:
    """Counts leaves by the name of their type."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._counter = Counter("tapeline_relay_leaves", "Leaves appended, by type", ["type"], registry=registry)

    def labels(self, leaf_type: LeafType) -> Counter:
        """Return the counter of one type."""
        return self._counter.labels(LeafType.Name(leaf_type).removeprefix("LEAF_TYPE_").lower())


class Metrics:
    """One relay's metrics in a registry of its own, so that tests may run several relays in one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        registry = self.registry
        self.accepted = LeafCounter(registry)
        self.refused = Counter("tapeline_relay_refusals", "Submissions refused, by rule", ["rule"], registry=registry)
        self.delivered = Counter("tapeline_relay_deliveries", "Deliveries written to streams", registry=registry)
        self.complaints = Counter(
            "tapeline_relay_complaints", "Complaints of devices, by rule", ["rule"], registry=registry
        )
        self.streams = Gauge("tapeline_relay_streams", "Open streams", registry=registry)
        self.commit_seconds = Histogram(
            "tapeline_relay_commit_seconds",
            "Time of one transaction with its fsync",
            buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5),
            registry=registry,
        )
        self.batch_size = Histogram(
            "tapeline_relay_batch_size",
            "Submissions in one transaction",
            buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256),
            registry=registry,
        )
