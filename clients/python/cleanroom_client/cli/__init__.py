"""The partner's command line: options in, one line or table out; all work is the room's."""
