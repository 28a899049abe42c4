"""Sealed tables and exact statistics over them; must not know noise, policies or storage."""
