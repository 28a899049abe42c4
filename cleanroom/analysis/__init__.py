"""`plan` before data is touched and `estimate` from noisy statistics; knows no storage or gRPC."""
