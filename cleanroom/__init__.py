"""The data clean room: a gRPC service that answers joint questions with differential privacy."""

__version__ = "0.1.0"
