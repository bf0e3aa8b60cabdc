"""The controller of a fleet (product.md, section 9), around the library: nothing of planning or applying is written again.

`bounds` says what a source may touch, `opening` makes of a target and a commit an estate that touches nothing else, `deciding`
says what becomes of a plan, `reconciling` is one reconcile of a target from beginning to end.

Around them: `process` is one of any number of equal processes, `following` looks at repositories (`mirrored`: their files on this
machine), `looking` at targets, each with what `worker` names. What they go by: `engine` (what is to be run is kept, and run, whatever
becomes of a process), `store`, `repositories` and `approvals` (what processes know of each other and of targets), `approving` (who said
yes, under a key), `budgets` and `purses` (requests that processes share) and `aliveness` (when a process takes itself for dead). Whoever
wants to know what became of targets is told by `notifying`, of what lies in the `outbox`, under a signature (`signatures`).

What people see and do is the same for commands and for pages: `views` (what is known, as a document), `acts` (what is done), `remote`
(both, over HTTP); `place` is where the database and the key lie.
"""
