"""Other machines: their addresses, whom the operator trusts, and the one room in which HTTP is spoken."""
