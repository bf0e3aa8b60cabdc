"""The file system: what lies in what, and everything that gatectl writes."""
