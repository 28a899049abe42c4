"""The policy document: strict reading, lint and decisions; knows no storage or gRPC."""
