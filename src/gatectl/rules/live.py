"""GW405 and GW501 to GW509: what needs the platform, found by `resolve`, `changes`, `owners` and `manageable` in a plan."""

from gatectl.rules.interface import Rule

RULES = (
    Rule("GW405", "Packets, or another family, on a platform that has none",
         "Packets are part of the manifest format, but this platform has no API for them. The same is found where a platform"
         " refuses the list of LLM configurations or of provider API keys, at every manifest that needs it.",
         bad="spec: {endpointType: S3, resources: [{type: Packet, name: welcome-kit}]}",
         good="spec: {endpointType: S3, resources: []}"),
    Rule("GW501", "A resource that is neither registered nor declared",
         "An entry attaches a resource that is registered in the repository's workspace, or declared by a Bucket or LLM"
         " manifest of it.",
         bad="spec: {endpointType: S3, resources: [{type: S3, bucket: acme-orders}]}",
         good="""\
kind: Repository
metadata: {name: orders}
spec: {endpointType: S3, resources: [{type: S3, bucket: acme-orders}]}
---
kind: Bucket
metadata: {name: orders-aws}
spec: {type: S3, bucket: acme-orders, region: eu-west-1, credentials: {key: {env: ID}, secret: {env: KEY}}}
"""),
    Rule("GW502", "An ambiguous name or resource reference",
         "Several live objects have the name, or one differs from it in case only (`metadata.id` chooses); or several"
         " registered buckets have the remote identity (`label` or `id` chooses); or a Bucket manifest would register an"
         " identity that is already registered under another label (use that label, or say `allowDuplicate: true`).",
         bad="""\
kind: Repository
metadata: {name: orders}
spec: {endpointType: S3, resources: [{type: S3, bucket: acme-orders}]}
---
kind: Bucket
metadata: {name: orders-reader}
spec: {type: S3, bucket: acme-orders, region: eu-west-1, credentials: {key: {env: ID}, secret: {env: KEY}}}
---
kind: Bucket
metadata: {name: orders-writer}
spec: {type: S3, bucket: acme-orders, region: eu-west-1, credentials: {key: {env: ID}, secret: {env: KEY}}}
""",
         good="""\
kind: Repository
metadata: {name: orders}
spec: {endpointType: S3, resources: [{type: S3, bucket: acme-orders}]}
---
kind: Bucket
metadata: {name: orders-reader}
spec: {type: S3, bucket: acme-orders, region: eu-west-1, credentials: {key: {env: ID}, secret: {env: KEY}}}
"""),
    Rule("GW503", "An unknown or undecided workspace",
         "The workspace is neither live nor declared by a Workspace manifest, or none is named and several are visible.",
         bad="""\
kind: Repository
metadata: {name: orders, workspace: reserch}
spec: {endpointType: S3}
""",
         good="""\
kind: Repository
metadata: {name: orders, workspace: research}
spec: {endpointType: S3}
---
kind: Workspace
metadata: {name: research}
"""),
    Rule("GW504", "The final state of the workspace breaks a namespace rule",
         "With what is attached on the platform and not in the manifests, a repository that this plan changes would break"
         " one of GW301 to GW306 or GW402 to GW404.",
         bad="""\
# attached on the platform, and kept: {type: S3, bucket: acme-orders}
spec: {endpointType: S3, resources: [{type: GCS, bucket: acme-orders}]}
""",
         good="spec: {endpointType: S3, attachmentPolicy: Exact, resources: [{type: GCS, bucket: acme-orders}]}"),
    Rule("GW505", "A change the platform cannot make in place",
         "A repository's endpoint type, mode or workspace, an attachment's folder, and a bucket's type or remote identity"
         " are fixed once they exist. The finding names a way out.",
         bad="""\
# on the platform: endpointType: S3
spec: {endpointType: GCS}
""",
         good="""\
# on the platform: endpointType: S3
spec: {endpointType: S3}   # or a new repository, under another name
"""),
    Rule("GW506", "An OpenAI endpoint on a platform whose wire value is not configured",
         "The platform's API does not document how an OpenAI endpoint is written. Say which value yours takes:"
         " `wire: {OpenAI: …}` in the environment.",
         bad="""\
# of the environment, in gatectl.yaml; with an OpenAI endpoint among the manifests
platform: https://gateway.example.com
""",
         good="""\
platform: https://gateway.example.com
wire: {OpenAI: OPENAI}   # the value that your platform takes
"""),
    Rule("GW507", "An object that another project or environment owns",
         "Whoever applies an object first owns it: the project and its environment. A plan of somebody else neither changes nor"
         " adopts nor deletes it; the rest of that plan goes on. What several attach is declared by one of them, and the others need"
         " no manifest for it. A warning says that the plan is made from another place than the one that the project is applied"
         " from, as in a fork. What a project with a `uid` owns is left as it is from a place that it was not applied from before, until"
         " `--take-over all`, once.",
         holding=True,
         bad="""\
# on the platform: orders, which the project billing has applied
spec: {endpointType: S3, resources: []}
""",
         good="""\
# on the platform: orders, which this project has applied, or nobody
spec: {endpointType: S3, resources: []}
"""),
    Rule("GW508", "What is to be deleted was changed since it was applied",
         "`--prune` deletes what this project and environment applied and no manifest declares any more, as it was applied. What"
         " somebody has changed since, or attached something to, is left as it is: the plan says what differs. So is everything where"
         " manifests may be there that were not read: git has left some out (a sparse checkout, a submodule that was not fetched), a"
         " file is not read because of its name (GW108), or the one that declared the object is there and excluded. And nothing deletes"
         " or detaches from what is protected: by `metadata.protect`, until one apply has said `false`, or by guardrails.",
         holding=True,
         bad="""\
# gatectl plan --prune, without the manifest of the bucket orders-aws, whose region somebody has changed on the platform
spec: {endpointType: S3, resources: []}
""",
         good="""\
# gatectl plan --prune, without the manifest of the bucket orders-aws, which is as it was applied
spec: {endpointType: S3, resources: []}
"""),
    Rule("GW509", "An object that cannot be managed now",
         "The platform has disabled the repository (a warning); or the repository attaches what the platform's own list does"
         " not show, also after the time that lists may lag (`consistency` in the environment). Then nothing is decided from"
         " the list: the repository is not changed, and no bucket or LLM of its workspace is created, since it may be the one"
         " that is missing.",
         holding=True,
         bad="""\
# on the platform: orders attaches a bucket that the list of buckets does not show
spec: {endpointType: S3, resources: [{type: S3, bucket: acme-orders}]}
""",
         good="""\
# on the platform: everything that orders attaches is listed
spec: {endpointType: S3, resources: [{type: S3, bucket: acme-orders}]}
"""),
)  # fmt: skip
