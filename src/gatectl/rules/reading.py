"""GW101 to GW108: what is found while files are read and parsed (`sources`, `parse`, `validate`)."""

from gatectl.rules.interface import Rule

RULES = (
    Rule("GW101", "A file cannot be read, or is not UTF-8",
         "Manifests are UTF-8 text in regular files. Symbolic links are followed once, and never out of the project.",
         bad="metadata: {name: vidéos}   # the é written in Latin-1: one byte, which is not UTF-8",
         good="metadata: {name: vidéos}   # the file saved as UTF-8"),
    Rule("GW102", "YAML syntax", "The file is not valid YAML. Documents before the error are still checked.",
         bad="spec: {endpointType: S3, resources: [",
         good="spec: {endpointType: S3, resources: []}"),
    Rule("GW103", "A duplicate key",
         "A mapping holds a key twice. Most YAML readers keep the last one in silence; here it is an error.",
         bad="""\
spec:
  endpointType: S3
  endpointType: GCS
""",
         good="""\
spec:
  endpointType: S3
"""),
    Rule("GW104", "A tag, a merge key, or an alias expansion that is not allowed",
         "Only the tags of the YAML core schema are known. Aliases are fine up to 10,000 expanded values and must not be"
         " recursive; merge keys (<<) are not allowed.",
         bad="""\
spec:
  endpointType: S3
  resources:
    - &raw {type: S3, bucket: acme-orders}
    - {<<: *raw, type: S3, bucket: acme-returns}
""",
         good="""\
spec:
  endpointType: S3
  resources:
    - {type: S3, bucket: acme-orders, folder: &raw raw}
    - {type: S3, bucket: acme-returns, folder: *raw}
"""),
    Rule("GW105", "Too large or too deep",
         "A file may have 8 MiB, a document 200,000 values and 64 levels of nesting.",
         bad="spec: {resources: " + "[" * 64 + "…" + "]" * 64 + "}",
         good="spec: {endpointType: S3, resources: [{type: S3, bucket: acme-orders}]}"),
    Rule("GW106", "A document that is not a mapping, or a path that yields no manifest",
         'A path without any manifest is an error and never "nothing to do": an empty folder in a pipeline is a mistake.',
         bad="- kind: Repository",
         good="""\
kind: Workspace
metadata: {name: analytics}
"""),
    Rule("GW107", "Unknown apiVersion or kind",
         "apiVersion is gatectl.io/v1; kind is Repository, Bucket, LLM or Workspace.",
         bad="""\
kind: Repo
metadata: {name: orders}
""",
         good="""\
kind: Repository
metadata: {name: orders}
spec: {endpointType: S3}
"""),
    Rule("GW108", "A file that is ours by what it says, and is not read",
         "A *.json file whose top level has our apiVersion and a kind of manifests, or a suffix near ours (.yaml.bak, .ymal)"
         " on a file that says apiVersion: gatectl.io/…: its author believes that it is managed. `exclude` in the project file"
         " silences it.",
         severity="warning",
         bad="metadata: {name: orders}   # in a file called orders.yaml.bak",
         good="metadata: {name: orders}   # in a file called orders.yaml"),
)  # fmt: skip
