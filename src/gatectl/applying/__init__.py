"""Plan → outcomes: what protects a platform from a plan, what carries one out, and what became of it."""
