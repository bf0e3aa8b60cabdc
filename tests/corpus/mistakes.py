"""Mistakes that people make: in a manifest before it is written, and in the bytes of a file."""

from __future__ import annotations

import copy
from collections.abc import Callable, MutableMapping
from typing import Any, Final

from corpus.estates import Chance
from corpus.recording import Content
from sites import Manifest, entry, repository

Documents = list[Manifest]
Files = dict[str, Content]


def make(chance: Chance, documents: Documents) -> Documents:
    """The documents with one or two mistakes in them."""
    documents = copy.deepcopy(documents)
    for _ in range(1 + chance.below(2)):
        chance.one(IN_DOCUMENTS)(chance, documents)
    return documents


def make_in_files(chance: Chance, written: Files) -> Files:
    """The files with a mistake in one of them."""
    written = dict(written)
    name = chance.one(sorted(written))
    chance.one(IN_FILES)(chance, written, name)
    return written


# In documents


def _of(chance: Chance, documents: Documents, kind: str) -> MutableMapping[str, Any]:
    found = [d for d in documents if d["kind"] == kind]
    if not found:
        found = [repository("extra", [], "S3")]
        documents.append(found[0])
    return chance.one(found)


def _entries(document: MutableMapping[str, Any]) -> list[Any]:
    spec = document.setdefault("spec", {})
    if not spec.get("resources"):
        spec["resources"] = []
    return spec["resources"]


def _misspelt(chance: Chance, documents: Documents) -> None:
    document = chance.one(documents)
    document["metadata"][chance.one(("nmae", "label", "workspce"))] = "x"
    document.setdefault("spec", {})[chance.one(("attachmentPolcy", "regoin", "provder"))] = "y"


def _missing(chance: Chance, documents: Documents) -> None:
    document = chance.one([d for d in documents if d.get("spec")])
    document["spec"].pop(chance.one(sorted(document["spec"])), None)


def _nameless(chance: Chance, documents: Documents) -> None:
    del chance.one(documents)["metadata"]["name"]


def _wrong_type(chance: Chance, documents: Documents) -> None:
    document = chance.one(documents)
    document["metadata"]["labels"] = chance.one(([1], {"team": 7}, "team=data", None))


def _number(chance: Chance, documents: Documents) -> None:
    _entries(_of(chance, documents, "Repository")).append({"type": "S3", "bucket": 20240101})


def _enum(chance: Chance, documents: Documents) -> None:
    document = _of(chance, documents, "Repository")
    document["spec"][chance.one(("endpointType", "mode", "attachmentPolicy"))] = chance.one(
        ("Azure", "s3", "mirror", "exact")
    )


def _kind(chance: Chance, documents: Documents) -> None:
    chance.one(documents)[chance.one(("kind", "apiVersion"))] = chance.one(
        ("Repo", "repository", "gatectl.io/v2", "v1")
    )


def _secret(chance: Chance, documents: Documents) -> None:
    document = _of(chance, documents, chance.one(("Bucket", "LLM")))
    secret = chance.one(("not-a-real-secret", {"env": "GATECTL_TOKEN"}, {"file": "../outside"}, {"env": "not a name"}))
    document["spec"]["credentials"] = {"key": {"env": "KEY"}, "secret": secret}


def _api_keys(chance: Chance, documents: Documents) -> None:
    _of(chance, documents, "Repository")["spec"]["apiKeys"] = [{"name": "mobile-app"}]


def _placeholder(chance: Chance, documents: Documents) -> None:
    document = chance.one(documents)
    document["metadata"]["name"] = chance.one(("${NAME}", "<NAME>", "{{ name }}", "__NAME__", "“quoted”"))


def _bad_name(chance: Chance, documents: Documents) -> None:
    names = (" orders", "x" * 129, "a\u200bb", "a\tb", "", "\u202egnp")
    chance.one(documents)["metadata"]["name"] = chance.one(names)


def _bad_remote_name(chance: Chance, documents: Documents) -> None:
    bad = (
        entry("S3", "Acme_Orders"), entry("S3", "acme..orders"), entry("GCS", "google-data"), entry("S3", "a-s3alias"),
        entry("AzureBlob", "acme-academy", "videos"), entry("AzureBlob", "acmelake", "Tiles--1"), entry("S3", "192.168.0.1"),
    )  # fmt: skip
    _entries(_of(chance, documents, "Repository")).append(chance.one(bad))


def _twice(chance: Chance, documents: Documents) -> None:
    document = copy.deepcopy(chance.one(documents))
    if chance.often(50):
        document["metadata"]["name"] = document["metadata"]["name"].upper()
    documents.append(document)


def _attached_twice(chance: Chance, documents: Documents) -> None:
    entries = _entries(_of(chance, documents, "Repository"))
    entries.append({**chance.one(entries), "folder": "again"} if entries else entry("Packet", "welcome-kit"))


def _collision(chance: Chance, documents: Documents) -> None:
    pairs = (
        (entry("S3", "acme-same"), entry("GCS", "acme-same")),
        (entry("S3", "acmelake"), entry("AzureBlob", "acmelake", "tiles")),
        (entry("AzureBlob", "acmeweu", "audit"), entry("AzureBlob", "acmelake", "audit")),
        (entry("GCS", "acme-audit"), entry("AzureBlob", "acmeweu", "acme-audit")),
    )
    _entries(_of(chance, documents, "Repository")).extend(chance.one(pairs))


def _family(chance: Chance, documents: Documents) -> None:
    wrong = (entry("LLM", "gpt"), {"type": "Packet", "name": "welcome-kit"}, entry("S3", "acme-orders"))
    _entries(_of(chance, documents, "Repository")).append(dict(chance.one(wrong)))


def _mirror(chance: Chance, documents: Documents) -> None:
    document = _of(chance, documents, "Repository")
    document["spec"]["mode"] = "Mirror"
    for item in _entries(document):
        item["master"] = chance.often(60)


def _taken(chance: Chance, documents: Documents) -> None:
    document = copy.deepcopy(_of(chance, documents, "Repository"))
    document["metadata"]["name"] = "replay"
    documents.append(document)


def _unregistered(chance: Chance, documents: Documents) -> None:
    nowhere = (
        entry("S3", "acme-nowhere"), entry("AzureBlob", "acmenowhere", "tiles"), entry("S3", "acme-orders", label="acme-ordrs"),
        entry("GCS", "acme-models", id="no-such-id"), {"type": "LLM", "name": "gtp"},
    )  # fmt: skip
    _entries(_of(chance, documents, "Repository")).append(dict(chance.one(nowhere)))


def _unknown_workspace(chance: Chance, documents: Documents) -> None:
    chance.one(documents)["metadata"]["workspace"] = chance.one(("analitics", "reserch", "DEFAULT"))


def _unknown_id(chance: Chance, documents: Documents) -> None:
    chance.one(documents)["metadata"]["id"] = "no-such-id"


def _without_credentials(chance: Chance, documents: Documents) -> None:
    for document in documents:
        if document["kind"] in ("Bucket", "LLM"):
            document["spec"].pop("credentials", None)


def _other_variable(chance: Chance, documents: Documents) -> None:
    document = _of(chance, documents, chance.one(("Bucket", "LLM")))
    reference = chance.one(({"env": "NOT_SET"}, {"file": "no-such-file"}))
    document["spec"]["credentials"] = {"key": {"env": "KEY"}, "secret": reference}


IN_DOCUMENTS: Final[tuple[Callable[[Chance, Documents], None], ...]] = (
    _misspelt, _missing, _nameless, _wrong_type, _number, _enum, _kind, _secret, _api_keys, _placeholder, _bad_name,
    _bad_remote_name, _twice, _attached_twice, _collision, _family, _mirror, _taken, _unregistered, _unknown_workspace,
    _unknown_id, _without_credentials, _other_variable,
)  # fmt: skip


# In files


def _text(content: Content) -> str:
    return content if isinstance(content, str) else content.decode()


def _insert(text: str) -> Callable[[Chance, Files, str], None]:
    """The mistake of having this after the first lines of a file."""

    def change(chance: Chance, written: Files, name: str) -> None:
        lines = _text(written[name]).splitlines(keepends=True)
        lines.insert(min(len(lines), 1 + chance.below(3)), text)
        written[name] = "".join(lines)

    return change


def _append(content: str | bytes) -> Callable[[Chance, Files, str], None]:
    """The mistake of having this as the last document of a file."""

    def change(chance: Chance, written: Files, name: str) -> None:
        end = content if isinstance(content, bytes) else content.encode()
        written[name] = _text(written[name]).encode() + b"---\n" + end

    return change


def _beside(name: str, content: Content) -> Callable[[Chance, Files, str], None]:
    """The mistake of having such a file beside another."""

    def change(chance: Chance, written: Files, beside: str) -> None:
        written["/".join([*beside.split("/")[:-1], name])] = content

    return change


_HEAD: Final = "apiVersion: gatectl.io/v1\nkind: Repository\nmetadata: {name: last}\n"

IN_FILES: Final[tuple[Callable[[Chance, Files, str], None], ...]] = (
    _insert("  wrong: indentation\n"), _insert("\tkind: Tab\n"), _insert("kind: Repository\n"), _insert("}\n"), _insert("a: b: c\n"),
    _append(_HEAD + "spec: {endpointType: S3, resources: ["),
    _append(_HEAD + "spec:\n  endpointType: S3\n  endpointType: GCS\n"),
    _append(_HEAD + "spec: !!python/object:os.system {endpointType: S3}\n"),
    _append(_HEAD + "spec:\n  endpointType: S3\n  resources:\n  - &a {type: S3, bucket: acme-logs}\n  - {<<: *a, folder: x}\n"),
    _append(_HEAD + "spec: {resources: " + "[" * 70 + "]" * 70 + "}\n"),
    _append("- kind: Repository\n- kind: Bucket\n"),
    _append("just a text\n"),
    _append(_HEAD.encode() + "spec: {endpointType: S3}\n# vidéos\n".encode("latin-1")),
    _append(_HEAD + "spec: {endpointType: S3}\n# \x07\n"),
    _append("%YAML 3.0\n---\nkind: Workspace\n"),
    _beside("empty.yaml", ""), _beside("comment.yaml", "# nothing yet\n"), _beside("values.yaml", "replicas: 2\n"),
    _beside("put-aside.yaml.bak", _HEAD), _beside("of-another-kind.json", '{"apiVersion": "gatectl.io/v1", "kind": "Bucket"}'),
    _beside("template.yaml", "{{- if .Values.x }}\na: b\n{{- end }}\n"), _beside("gatectl.yaml", "garbage: [\n"),
)  # fmt: skip
