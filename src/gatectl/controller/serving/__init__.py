"""The HTTP side of a controller: webhooks, the API, the pages, metrics and health. Entered by `listening.serve`.

listening      the address, and whether it may listen there
application    the wire: bodies, threads, headers, the stream of events
answering      which path, who may, who answers
api, pages     answers for programs, and for people
hooks          whether who calls a webhook knows its secret                 (pure)
entering       who is asking: the token, a proxy's header, a session
exposition     metrics, as Prometheus reads them                            (pure)
asking         a request and an answer, as values
"""
