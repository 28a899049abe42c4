"""A witness of logs (C2SP tlog-witness), and the client that asks one; knows no clean room.

A second organisation runs `cleanroom witness`. It needs the verifier keys of the logs that it
watches and nothing of the service: this package imports the log's verifier (cleanroom.audit) and
the standard library. HTTP is `http.server` and `urllib`: a request holds a few kilobytes, a witness
of a few logs is asked a few times a minute, and a proxy in front of it brings TLS and limits.
"""
