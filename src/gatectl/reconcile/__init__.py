"""The flow, once: what is asked for becomes a plan, and a plan becomes a receipt.

`flow` knows the order of the steps up to the plan, and reads; `execution` is the second half, and the only one that writes. Neither
knows who asks: the command line and programs hand that in.
"""

from gatectl.reconcile.flow import make_plan, refuse, work_out
from gatectl.reconcile.heading import ask_git, guard, patience_of
from gatectl.reconcile.request import Request

__all__ = ["Request", "ask_git", "guard", "make_plan", "patience_of", "refuse", "work_out"]
