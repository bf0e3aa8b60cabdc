"""What is saved and shown, as types: findings, plans, receipts, snapshots; and how the JSON of them is spelled and told apart.

Between the steps these documents are values like any other: whoever reads one knows its fields, and mypy holds everybody to
them. What comes from a file is believed to be one only once its schema was held against it (`applying.saved`).

A field that is `NotRequired` is one that older formats lack, or that is left out where there is nothing to say.
"""
