"""The gRPC face: identity, field checks, the error table, servicers that convert, call, convert."""
