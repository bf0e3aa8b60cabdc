"""`gatectl serve`: the embedded platform over HTTP, speaking the API of platform-contract.md.

Law: nothing here knows a rule of the platform; those are in `platforms.embedded`. What is here is the wire: paths, field
names, status codes and error bodies, each endpoint one row of a table (`routes.ENDPOINTS`) from which both the running
server and its description (`/openapi.json`) are made. Starlette and uvicorn are imported nowhere else in gatectl but in
`controller.serving`, and only when the command runs: they come with the extra `server`.

    listening      the command as it listens, and the signals that end it
    hosting        sockets and uvicorn, for any application of ours
    interference   faults done to requests, down to the TCP connection        (rehearsal)
    application    ASGI: which endpoint, is it allowed, the body, the answer
    routes         the table of tables
    workspaces, buckets, repositories, repository_keys, llms, apikeys, accounts    the endpoints, family by family
    endpoint       what a row is; the families of error bodies
    shapes, openapi    the description
    sessions       who is asking: bearer tokens, logins
    faults         the file of `--faults`
"""
