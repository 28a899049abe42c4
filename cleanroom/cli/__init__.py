"""The operator's command line: it parses arguments, calls, and prints; it decides nothing.

Each command imports what it needs when it runs, so that a help text does not load the engines.
"""
