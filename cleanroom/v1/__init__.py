"""Code generated from proto/; nothing else lives here."""
