"""The code host, where plans are reviewed: one comment per project and environment, posted and kept up to date.

`settings` reads the CI's environment, `transport` speaks HTTP, `hosts` knows the endpoints of GitHub and GitLab, `sticky`
knows our comment: how it is recognised, and what it holds.
"""
