"""Scenes from the field: small projects that went wrong for people, each with the command lines that they typed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from corpus.recording import Content, Files, Run, Step

HEAD: Final = "apiVersion: gatectl.io/v1\n"
BUCKET: Final = (
    HEAD
    + """\
kind: Bucket
metadata: {name: raw-aws}
spec:
  type: S3
  bucket: raw-events
  credentials: {key: {env: KEY}, secret: {env: SECRET}}
"""
)
LLM: Final = (
    HEAD
    + """\
kind: LLM
metadata: {name: gpt}
spec: {provider: OpenAI, endpoint: https://api.openai.com/v1, credentials: {secret: {env: SECRET}}}
"""
)
DATA: Final = (
    HEAD
    + """\
kind: Repository
metadata: {name: data, labels: {team: data}}
spec:
  endpointType: S3
  attachmentPolicy: Exact
  resources:
    - {type: S3, bucket: raw-events}
"""
)
GOOD: Final = f"{BUCKET}---\n{DATA}"


def repository(name: str, **labels: str) -> str:
    """A repository that attaches nothing."""
    told = f", labels: {json.dumps(labels)}" if labels else ""
    return f"{HEAD}kind: Repository\nmetadata: {{name: {name}{told}}}\nspec: {{endpointType: S3, resources: []}}\n"


def project(name: str = "acme", *, manifests: Sequence[str] | None = ("manifests",), **more: Any) -> str:
    """A project file whose one environment is the embedded platform, unless `more` has others."""
    spec = {"environments": {"default": {"platform": "embedded"}}, **more}
    spec |= {"manifests": list(manifests)} if manifests is not None else {}
    return json.dumps({"apiVersion": "gatectl.io/v1", "kind": "Project", "metadata": {"name": name}, "spec": spec})


def good(**more: Content) -> Files:
    """A valid project whose plan is to create a bucket and a repository, and further files: `a__b` is a/b."""
    return Files(
        {"gatectl.yaml": project(), "manifests/all.yaml": GOOD} | {n.replace("__", "/"): c for n, c in more.items()}
    )


def lines(*texts: str, **variables: str) -> list[Step]:
    """Command lines, one after the other, each called by its own words."""
    return [Run(text, text.split(), variables) for text in texts]


def with_variables(text: str, *settings: tuple[str, str]) -> list[Step]:
    """A command line with each of these variables."""
    return [Run(f"{name}={value} {text}", text.split(), {name: value}) for name, value in settings]


def _other_yaml() -> list[Step]:
    others = {
        "docker-compose.yml": "services: {}\n",
        "mkdocs.yml": "site_name: x\n",
        "chart/values.yaml": "replicas: 2\n",
        "chart/templates/t.yaml": "{{- if .Values.x }}\na: b\n{{- end }}\n",
        "orders.yaml": repository("orders"),
    }
    excluded = project("mixed", manifests=None, exclude=["chart/", "docker-compose.yml", "mkdocs.yml"])
    return [
        Files(others),
        *lines("validate", "plan"),
        Files({"gatectl.yaml": excluded}),
        *lines("validate --format json", "plan -v"),
    ]


def _suffixes() -> list[Step]:
    content = {
        "a.yaml": repository("a"),
        "b.YML": "kind: Nonsense\n",
        "c.json": "{}",
        "d.yaml.bak": repository("d"),
        "e.ymal": repository("e"),
        "f.json": json.dumps({"apiVersion": "gatectl.io/v1", "kind": "Bucket"}),
        "sub/gatectl.yaml": repository("b"),
    }
    return [
        Files(content),
        *lines("validate", "validate f.json", "plan", "validate sub/gatectl.yaml", "validate b.YML d.yaml.bak"),
    ]


def _project_files() -> list[Step]:
    broken = {
        "garbage": "garbage: [\n",
        "typing": project().replace("platform", "platfrom"),
        "text": "just a text\n",
        "empty": "",
        "rules": project(rules={"GW301": "off"}),
        "name": project().replace('"acme"', '""'),
        "list": "- a\n",
        "platform": project(environments={"default": {"platform": "ftp://x"}}),
        "future": project().replace("/v1", "/v9"),
        "workspace": project(environments={"a": {"platform": "embedded", "workspace": " "}}),
        "guardrails": project(environments={"default": {"platform": "embedded", "guardrails": {"maxDeletes": -1}}}),
        "twice": "apiVersion: gatectl.io/v1\nkind: Project\nkind: Project\nmetadata: {name: x}\n",
    }
    steps: list[Step] = [good(**{f"{name}.yaml": content for name, content in broken.items()})]
    for name in broken:
        steps += lines(f"validate --project {name}.yaml", f"plan --project {name}.yaml --format json")
    return [
        *steps,
        *lines(
            "validate gatectl.yaml", "validate garbage.yaml", "plan --project nowhere.yaml", "plan --project manifests"
        ),
    ]


def _environments() -> list[Step]:
    content = {
        "gatectl.yaml": project(
            manifests=None,
            environments={
                "dev": {"platform": "embedded", "workspace": "dev", "manifests": ["dev"]},
                "prod": {
                    "platform": "embedded",
                    "workspace": "prod",
                    "manifests": ["prod"],
                    "guardrails": {"maxDeletes": 0},
                },
            },
        ),
        "dev/a.yaml": f"{HEAD}kind: Workspace\nmetadata: {{name: dev}}\n---\n{repository('orders')}",
        "prod/a.yaml": f"{HEAD}kind: Workspace\nmetadata: {{name: prod}}\n---\n{repository('orders')}---\n{repository('billing')}",
    }
    return [
        Files(content),
        *lines("validate", "plan", "-e dev apply --yes", "-e prod apply --yes", "-e dev plan --prune", "-e stage plan"),
        Files({"prod/a.yaml": f"{HEAD}kind: Workspace\nmetadata: {{name: prod}}\n---\n{repository('orders')}"}),
        *lines(
            "-e prod plan --prune",
            "-e prod apply --prune --yes",
            "-e prod apply --prune --yes --allow deletes=1 --reason seen --format json",
        ),
        *lines(
            "-e prod export", "export --workspace dev", "graph --live --format mermaid", "snapshot --workspace nowhere"
        ),
    ]


SHARED = {"default": {"platform": "sqlite:///../shared.db"}}


def _one_store() -> list[Step]:
    content = {
        "a/a.yaml": repository("a"),
        "b/b.yaml": repository("b"),
        "a/gatectl.yaml": project("team", manifests=None, environments=SHARED),
        "b/gatectl.yaml": project("team", manifests=None, uid="b", environments=SHARED),
    }
    words = ["--platform", "sqlite:///../shared.db"]
    runs = [
        Run(f"{name} {line}", [*words, *line.split()], inside=name)
        for line in ("apply --yes", "plan --prune", "apply --prune --yes", "export")
        for name in ("a", "b")
    ]
    return [
        Files(content),
        *runs,
        Files({}, without=["a/gatectl.yaml"]),
        Run("unnamed", [*words, "plan", "--prune"], inside="a"),
    ]


def _last_manifest() -> list[Step]:
    workspace = f"{HEAD}kind: Workspace\nmetadata: {{name: default}}\n"
    return [
        good(),
        *lines("apply --yes -q"),
        Files({}, without=["manifests/all.yaml"]),
        *lines("plan --prune", "validate", "apply --yes"),
        Files({"manifests/keep.yaml": workspace}),
        *lines("plan --prune --format markdown", "apply --prune --yes"),
    ]


def _empty_variables() -> list[Step]:
    names = ("PLAN", "SELECTOR", "TARGET", "EXPECT", "RECEIPT", "PRUNE", "ALLOW", "FORMAT")
    return [
        good(),
        *with_variables("apply --yes", *((f"GATECTL_APPLY_{name}", "") for name in names)),
        *with_variables(
            "plan", ("GATECTL_PROJECT", ""), ("GATECTL_ENV", ""), ("GATECTL_PLATFORM", ""), ("GATECTL_WORKSPACE", " ")
        ),
        Run("plan of nothing", ["apply", "--yes", "--plan", ""]),
        Run("no selector", ["plan", "-l", ""]),
        Run("no path", ["validate", ""]),
        Run("no target", ["plan", "--target", " "]),
        Run("no format", ["plan", "--format", ""]),
        Run("no reason", ["apply", "--reason", ""]),
    ]


def _secrets() -> list[Step]:
    manifest = LLM.replace("{env: SECRET}", "{%s: %s}")
    files = {
        "bom.txt": "\ufeffsk-from-powershell\r\n",
        "blank.txt": " \n",
        "empty.txt": "",
        "lines.txt": "a\nb\n",
        "latin.txt": b"caf\xe9",
    }
    steps: list[Step] = []
    for kind, value in [
        ("env", "BLANK"),
        ("env", "NOT_SET"),
        ("env", "GATECTL_TOKEN"),
        *(("file", name) for name in (*files, "nowhere", "../x")),
    ]:
        steps += [
            Files({"manifests/all.yaml": manifest % (kind, value), **{f"manifests/{n}": c for n, c in files.items()}}),
            Run(f"{kind} {value}", ["apply", "--yes"], {"BLANK": "   ", "GATECTL_TOKEN": ""}),
        ]
    return [good(), *steps]


def _odd_texts() -> list[Step]:
    texts = {
        "quotes": repository("“orders”"),
        "indentation": repository("x").replace("metadata: {name: x}", "metadata:\n  name: x\n   labels: {a: b}"),
        "tabs": repository("x").replace("metadata: ", "metadata:\n\t"),
        "alias": BUCKET.replace("raw-events", "acme-ap-7h3k2m9xq1a4b5c6d7e8f9-s3alias"),
        "control": repository('"a\\e]0;x\\a\\rb"'),
        "direction": repository('"a\u202eb"'),
        "zero": repository('"\\0"'),
        "emoji": repository("🚀 x"),
        "workflow": repository('"::error::x"'),
        "markdown": repository('"**x** [y](z) | `a`"'),
        "html": repository('"<script>alert(1)</script>"'),
        "long": repository("x" * 128),
        "longer": repository("x" * 129),
        "number": repository("1e3"),
        "date": repository("2024-01-01"),
        "nothing": repository("~"),
        "boolean": repository("on"),
        "colon": repository('"a: b #c"'),
        "bom": "\ufeff" + repository("bom"),
        "crlf": repository("crlf").replace("\n", "\r\n"),
        "many": "---\n".join(repository(f"r{n}") for n in range(30)),
        "errors": "---\n".join(repository(f"r{n}").replace("S3", "s3") for n in range(30)),
    }
    steps: list[Step] = [Files({f"{name}/m.yaml": text for name, text in texts.items()})]
    for name in texts:
        steps.append(Run(name, ["plan", name, "--format", "markdown=m", "--format", "github=g", "--format", "sarif=s"]))
    return steps


def _colours() -> list[Step]:
    return [
        good(**{"bad__m.yaml": DATA.replace("S3, bucket", "GCS, bucket") + "    - {type: S3, bucket: raw-events}\n"}),
        *lines(
            "plan --color always --out p.json",
            "show p.json --color always",
            "validate bad --color always",
            "plan bad --color=always",
            "apply --yes --color always --plan p.json -v",
            "plan --color always",
            "plan --bogus --color always",
        ),
        *with_variables(
            "plan", ("FORCE_COLOR", "1"), ("NO_COLOR", "1"), ("GATECTL_COLOR", "always"), ("GATECTL_COLOR", "pink")
        ),
        *lines(
            "plan --log-format json -e nope",
            "plan --log-format json -v --out p.json",
            "-q plan",
            "-v validate",
            "plan -qv",
        ),
    ]


def _pipelines() -> list[Step]:
    github = {
        "GITHUB_OUTPUT": "output",
        "GITHUB_STEP_SUMMARY": "summary.md",
        "GITHUB_ACTIONS": "true",
        "GITHUB_SERVER_URL": "https://github.example",
        "GITHUB_REPOSITORY": "acme/gateway",
        "GITHUB_RUN_ID": "7",
        "GITHUB_ACTOR": "bob",
        "CI": "true",
    }
    gitlab = {
        "GITLAB_CI": "true",
        "GITLAB_USER_LOGIN": "eve",
        "CI_JOB_URL": "https://gitlab.example/7",
        "GATECTL_DOTENV": "plan.env",
        "CI": "true",
    }
    return [
        good(),
        Run("plan github", ["plan", "--format", "github"], github),
        Run("plan gitlab", ["plan", "--format", "gitlab"], gitlab),
        Run("apply github", ["apply", "--yes", "--format", "json"], github),
        Run("after gitlab", ["apply", "--yes"], gitlab),
        *lines("comment p.json", "comment nowhere.json --provider github", "plan --out p.json"),
        Run("comment", ["comment", "p.json"], github),
        Run("comment gitlab", ["comment", "p.json", "--pull-request", "7"], gitlab),
    ]


def _starting() -> list[Step]:
    return [
        *lines(
            "init",
            "validate",
            "init",
            "init --ci gitlab",
            "init --ci github",
            "init other --ci none -q",
            "init third --ci gitlab",
        ),
        *lines(
            "init fourth --ci github --source acme/gatectl@0123456789abcdef0123456789abcdef01234567",
            "init x --source nonsense",
        ),
        Files({"remote/.gitlab-ci.yml": "stages: []\n"}),
        *lines("init remote", "completion bash", "completion zsh", "completion tcsh"),
        *lines(
            "schema bucket",
            "schema Repo",
            "schema",
            "explain repository.spec.resources",
            "explain GW301",
            "explain GW999",
            "explain bucket.x",
        ),
        *lines(
            "trust gateway.example",
            "trust",
            "trust gateway.example:8443 *.example.com",
            "trust http://x",
            "trust gateway.example",
            "--version",
        ),
    ]


def _conflicts() -> list[Step]:
    region = GOOD.replace("bucket: raw-events\n", "bucket: raw-events\n  region: %s\n", 1)
    return [
        good(),
        *lines("plan --out first.json", "apply --yes --plan first.json", "apply --yes --plan first.json --format json"),
        Files({"manifests/all.yaml": region % "eu-west-1"}),
        *lines("plan --out p.json"),
        Files({"manifests/all.yaml": region % "us-east-1"}),
        *lines(
            "apply --yes",
            "apply --plan p.json --yes",
            "apply --plan p.json --yes --format markdown",
            "apply --plan p.json --yes --format html",
        ),
        Files(
            {
                "manifests/all.yaml": GOOD.replace("    - {type: S3, bucket: raw-events}", "    []").replace(
                    "resources:\n    []", "resources: []"
                )
            }
        ),
        *lines(
            "plan --detailed-exitcode --out p.json",
            "apply",
            "apply --yes --expect sha256:" + "0" * 64,
            "apply --yes --expect nonsense",
        ),
        Files(
            {
                "gatectl.yaml": project(
                    environments={"default": {"platform": "embedded", "guardrails": {"maxDetaches": 0}}}
                )
            }
        ),
        *lines(
            "apply --yes",
            "apply --yes --allow detaches=1",
            "apply --yes --allow detaches=x --reason seen",
            "apply --yes --allow all --reason seen",
        ),
        Run(
            "allowed",
            [
                "apply",
                "--yes",
                "--plan",
                "p.json",
                "--allow",
                "detaches=1",
                "--allow",
                "project",
                "--reason",
                "seen by ann",
                "--receipt",
                "r.json",
            ],
        ),
        *lines(
            "show r.json",
            "show r.json --format markdown",
            "show r.json --format html=r.html",
            "show r.json --format sarif",
            "plan r.json",
        ),
        *lines("--platform sqlite:///other.db apply --plan first.json --yes", "-e nope apply --plan first.json --yes"),
    ]


def _platforms() -> list[Step]:
    local, remote = (("--platform", f"https://{host}") for host in ("127.0.0.1:1", "gateway.invalid"))
    named = project(
        environments={
            "default": {"platform": "https://gateway.invalid"},
            "token": {"platform": "https://gateway.invalid", "token": {"env": "NO_TOKEN"}},
            "plain": {"platform": "http://gateway.invalid"},
            "server": {"platform": "postgresql://db.invalid/x"},
        }
    )
    return [
        good(),
        Files({"gatectl.yaml": named}),
        *lines("validate", "plan", "apply --yes", "export", "snapshot", "graph --live"),
        *lines(
            "-e token plan",
            "-e plain plan",
            "-e server plan",
            "--platform https:// plan",
            "--platform ftp://x plan",
            "--platform embedded plan",
        ),
        *lines(
            "--platform snapshot://nowhere plan",
            "--platform sqlite:// plan",
            "--platform sqlite:///:memory: plan",
            "--platform https://a@b plan",
        ),
        *with_variables("-e token plan", ("GATECTL_TOKEN", "x"), ("NO_TOKEN", "x"), ("GATECTL_EMAIL", "a@b.example")),
        Run("no token", [*local, "plan"]),
        Run("odd proxy", [*remote, "plan"], {"GATECTL_TOKEN": "x", "HTTPS_PROXY": "socks4://127.0.0.1:9"}),
        Run(
            "odd bypass",
            [*remote, "plan"],
            {"GATECTL_TOKEN": "x", "NO_PROXY": "localhost,[::1", "HTTPS_PROXY": "ftp://x"},
        ),
        Run("no certificates", [*local, "plan"], {"GATECTL_TOKEN": "x", "SSL_CERT_FILE": "/nope/ca.pem"}),
        Files({"gatectl.yaml": project()}, without=[]),
        *with_variables("plan", ("GATECTL_PLATFORM", "nonsense"), ("GATECTL_TOKEN", "x")),
        Files({".gatectl/platform.db": "this is no database\n" * 100}),
        *lines("plan", "apply --yes", "export", "snapshot --out s.json"),
    ]


SCENES: Final[Mapping[str, Callable[[], list[Step]]]] = {
    "other-yaml": _other_yaml,
    "suffixes": _suffixes,
    "project-files": _project_files,
    "environments": _environments,
    "one-store": _one_store,
    "last-manifest": _last_manifest,
    "empty-variables": _empty_variables,
    "secrets": _secrets,
    "odd-texts": _odd_texts,
    "colours": _colours,
    "pipelines": _pipelines,
    "starting": _starting,
    "conflicts": _conflicts,
    "platforms": _platforms,
}
