"""Secrets: what may refer to one, what one looks like, the moment in which it is in clear, and its way out of text again."""
