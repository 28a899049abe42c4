"""Small Protocols with their promises; must not know any implementation."""
