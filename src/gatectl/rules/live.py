"""GW405 and GW501 to GW506: what needs the platform, found by `resolve` and `changes` in a plan."""

from gatectl.rules.interface import Rule

RULES = (
    Rule("GW405", "Packets on a platform that has none",
         "Packets are part of the manifest format, but this platform has no API for them."),
    Rule("GW501", "A resource that is neither registered nor declared",
         "An entry attaches a resource that is registered in the repository's workspace, or declared by a Bucket or LLM"
         " manifest of it."),
    Rule("GW502", "An ambiguous name or resource reference",
         "Several live objects have the name, or one differs from it in case only (`metadata.id` chooses); or several"
         " registered buckets have the remote identity (`label` or `id` chooses); or a Bucket manifest would register an"
         " identity that is already registered under another label (use that label, or say `allowDuplicate: true`)."),
    Rule("GW503", "An unknown or undecided workspace",
         "The workspace is neither live nor declared by a Workspace manifest, or none is named and several are visible."),
    Rule("GW504", "The final state of the workspace breaks a namespace rule",
         "With what is attached on the platform and not in the manifests, a repository that this plan changes would break"
         " one of GW301 to GW306 or GW402 to GW404."),
    Rule("GW505", "A change the platform cannot make in place",
         "A repository's endpoint type, mode or workspace, an attachment's folder, and a bucket's type or remote identity"
         " are fixed once they exist. The finding names a way out."),
    Rule("GW506", "An OpenAI endpoint on a platform whose wire value is not configured",
         "The platform's API does not document how an OpenAI endpoint is written. Say which value yours takes:"
         " `wire: {OpenAI: …}` in the environment."),
)  # fmt: skip
