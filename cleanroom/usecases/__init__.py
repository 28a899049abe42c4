"""The stories: collaborate, ingest, relay, seal, analyse, account, audit; knows no gRPC and no SQL."""
