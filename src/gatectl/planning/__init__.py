"""Desired × current → plan: what is live, which manifest means what, what is to be done. Reads, and only reads."""
