"""The attachment graph: repositories and what they attach, as a value, and as SVG, Mermaid, DOT or a page. Pure.

manifests, live objects or a plan → Graph (values) → Picture (layout) → svg, page
                                          └────────→ mermaid, dot
"""
