"""GW201 to GW204, GW206 and GW601: what `validate` finds when it holds a document against its schema."""

from gatectl.rules.interface import Rule

RULES = (
    Rule("GW201", "A required field is missing",
         "The place is the mapping that lacks the field. In a plan: `credentials` may be omitted only for a Bucket or LLM"
         " that is already on the platform."),
    Rule("GW202", "An unknown field", "The field is not part of the format; a misspelt one gets a suggestion."),
    Rule("GW203", "A wrong type",
         "YAML read a number, a boolean or null where a string is wanted (quote it), or a list where a mapping is."),
    Rule("GW204", "Not one of the allowed values", "The field takes one of a few values, written exactly as listed."),
    Rule("GW206", "API keys in a Repository manifest",
         "API keys are never created with a repository (the source document says: do not generate API keys during"
         " repository creation). Generate them afterwards, in the platform. Credentials of a storage or model provider"
         " belong into a Bucket or LLM manifest, as references."),
    Rule("GW601", "A literal secret in a manifest",
         "Manifests hold references to secrets, {env: NAME} or {file: path}, never secrets: a manifest is in git, in"
         " reviews and in CI logs. A secret that has been in a file should be renewed."),
)  # fmt: skip
