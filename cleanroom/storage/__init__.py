"""The durable store, the encrypted vault and their offline check; knows no gRPC and no policy.

`SqlStore` keeps records in one relational database (SQLite today), `FileVault` keeps tokens and
tables encrypted in files, and `fsck` says whether the two and the log still agree.
"""
