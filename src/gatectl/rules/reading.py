"""GW101 to GW107: what is found while files are read and parsed (`sources`, `parse`, `validate`)."""

from gatectl.rules.interface import Rule

RULES = (
    Rule("GW101", "A file cannot be read, or is not UTF-8",
         "Manifests are UTF-8 text in regular files. Symbolic links are followed once, and never out of the project."),
    Rule("GW102", "YAML syntax", "The file is not valid YAML. Documents before the error are still checked."),
    Rule("GW103", "A duplicate key",
         "A mapping holds a key twice. Most YAML readers keep the last one in silence; here it is an error."),
    Rule("GW104", "A tag, a merge key, or an alias expansion that is not allowed",
         "Only the tags of the YAML core schema are known. Aliases are fine up to 10,000 expanded values and must not be"
         " recursive; merge keys (<<) are not allowed."),
    Rule("GW105", "Too large or too deep",
         "A file may have 8 MiB, a document 200,000 values and 64 levels of nesting."),
    Rule("GW106", "A document that is not a mapping, or a path that yields no manifest",
         'A path without any manifest is an error and never "nothing to do": an empty folder in a pipeline is a mistake.'),
    Rule("GW107", "Unknown apiVersion or kind",
         "apiVersion is gatectl.io/v1; kind is Repository, Bucket, LLM or Workspace."),
)  # fmt: skip
