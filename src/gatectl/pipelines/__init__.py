"""What pipelines are made of: the files that `init` writes, the values of a step, and what is locked for them."""
