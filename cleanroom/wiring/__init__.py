"""The object graph: real time, entropy, keys, store and server put together.

The one place that knows the real clock and the real randomness. It imports nothing here, because
the command line must not load the engines to print a help text.
"""
