"""Brokers: reached, or started on this machine; one ladder for the demo, tests and benchmarks."""

from streams.brokers.broker import Broker, Kind
from streams.brokers.ladder import open_broker

__all__ = ["Broker", "Kind", "open_broker"]
