"""GW201 to GW204, GW206, GW207 and GW601: what `validate` finds when it holds a document against its schema."""

from gatectl.rules.interface import Rule

RULES = (
    Rule("GW201", "A required field is missing",
         "The place is the mapping that lacks the field. In a plan: `credentials` may be omitted only for a Bucket or LLM"
         " that is already on the platform.",
         bad="spec: {resources: []}",
         good="spec: {endpointType: S3, resources: []}"),
    Rule("GW202", "An unknown field", "The field is not part of the format; a misspelt one gets a suggestion.",
         bad="spec: {endpointType: S3, resources: [{type: S3, bucket: acme-orders, foldr: raw}]}",
         good="spec: {endpointType: S3, resources: [{type: S3, bucket: acme-orders, folder: raw}]}"),
    Rule("GW203", "A wrong type",
         "YAML read a number, a boolean or null where a string is wanted (quote it), or a list where a mapping is.",
         bad="spec: {endpointType: S3, resources: [{type: S3, bucket: 20240101}]}",
         good='spec: {endpointType: S3, resources: [{type: S3, bucket: "20240101"}]}'),
    Rule("GW204", "Not one of the allowed values", "The field takes one of a few values, written exactly as listed.",
         bad="spec: {endpointType: Azure}",
         good="spec: {endpointType: AzureBlob}"),
    Rule("GW206", "API keys in a Repository manifest",
         "API keys are never created with a repository (the source document says: do not generate API keys during"
         " repository creation). Generate them afterwards, in the platform. Credentials of a storage or model provider"
         " belong into a Bucket or LLM manifest, as references.",
         bad="spec: {endpointType: S3, apiKeys: [{name: mobile-app}]}",
         good="spec: {endpointType: S3}   # keys are made on the platform, afterwards"),
    Rule("GW207", "A placeholder that was never filled in",
         "A template that nobody rendered leaves ${x}, <X>, __X__ or {{ x }} behind, which would be names like any other.",
         bad='spec: {endpointType: S3, resources: [{type: S3, bucket: "${BUCKET}"}]}',
         good="spec: {endpointType: S3, resources: [{type: S3, bucket: acme-orders}]}"),
    Rule("GW601", "A literal secret in a manifest, or a reference to what is not a manifest's to name",
         "Manifests hold references to secrets, {env: NAME} or {file: path}, never secrets: a manifest is in git, in"
         " reviews and in CI logs. A secret that has been in a file should be renewed. What a reference leads to is sent to"
         " the platform, so none names what gatectl or its pipeline signs in with (GATECTL_*, ACTIONS_*, GITHUB_TOKEN,"
         " CI_JOB_TOKEN, an environment's token), and a file lies in the project, or in a folder that the operator named in"
         " GATECTL_SECRET_PATHS.",
         bad="""\
kind: LLM
metadata: {name: gpt}
spec: {provider: OpenAI, endpoint: https://api.openai.com/v1, credentials: {secret: sk-not-a-real-secret}}
""",
         good="""\
kind: LLM
metadata: {name: gpt}
spec: {provider: OpenAI, endpoint: https://api.openai.com/v1, credentials: {secret: {env: OPENAI_API_KEY}}}
"""),
)  # fmt: skip
