"""gatectl: a declarative GitOps reconciler for the repositories of a Cloud and AI Gateway."""

__version__ = "0.1.0"
