"""The corpus: projects, and all that gatectl says and writes of them (`run.py`)."""
