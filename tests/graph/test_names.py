"""Any name at all gives a well-formed drawing: XML, DOT and Mermaid are read back by strict readers."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatectl.graph import dot, html, mermaid, svg
from gatectl.graph.values import SIGNS, Edge, Graph, Key, Mark, Node, repository_key, resource_node
from gatectl.quote import safe

NASTY = ('"', "\\", '\\"', "\\n", "]]>", "-->", "</style>", "</svg><script>", "&amp;", "&#38;", "#35;", "%%{init}%%", "`", "end", "\n",
         "\x00", "\u2028", "\ufffe", "\ud800", "\U0001f600", "subgraph", "A[B]", "|", "{{", "\u202e", ":", "##[")  # fmt: skip
names = st.one_of(
    st.text(min_size=1, max_size=20), st.lists(st.sampled_from(NASTY), min_size=1, max_size=4).map("".join)
)
marks: st.SearchStrategy[Mark] = st.sampled_from(sorted(SIGNS))


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    nodes: dict[Key, Node] = {}
    edges = []
    for name in draw(st.lists(names, min_size=1, max_size=4, unique=True)):
        group = (draw(names), draw(names))
        key = repository_key(group[0], name)
        problems = (draw(names),) if draw(st.booleans()) else ()
        nodes[key] = Node(key, "Repository", name, group, "", draw(names), draw(marks), problems)
        for _ in range(draw(st.integers(0, 3))):
            identity = draw(
                st.one_of(
                    st.tuples(st.sampled_from(["S3", "LLM"]), names), st.tuples(st.just("AzureBlob"), names, names)
                )
            )
            node = resource_node(group[0], identity, draw(marks))
            nodes.setdefault(node.key, node)
            edges.append(Edge(key, node.key, draw(marks), draw(names), problems))
    return Graph(nodes, tuple(edges))


@given(graphs(), names)
def test_any_name_gives_well_formed_svg_that_says_it(graph: Graph, title: str) -> None:
    tree = ET.fromstring(svg.render(graph, title).encode("utf-8"))
    told = {element.text for element in tree.iter("{http://www.w3.org/2000/svg}title")}
    assert safe(title) in told
    for node in graph.repositories:
        assert any(spelling in (text or "") for text in told for spelling in spelt(node.name))
    assert {element.tag.rpartition("}")[2] for element in tree.iter()} <= {
        "svg",
        "g",
        "rect",
        "text",
        "title",
        "path",
        "style",
    }
    for element in tree.iter():
        assert not [name for name in element.attrib if name.startswith("on") or "href" in name]


class Tags(HTMLParser):
    """The elements of a page, and the text that a browser would show."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.scripts = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.scripts += tag == "script"
        self.attributes |= {name for name, _ in attrs}


@given(graphs(), names)
def test_any_name_gives_a_page_with_our_elements_and_no_other(graph: Graph, title: str) -> None:
    page = Tags()
    page.feed(html.render(graph, title))
    assert page.scripts == 1
    assert not page.tags & {"img", "iframe", "a", "link", "object", "embed", "base", "form"}
    assert not [name for name in page.attributes if name.startswith("on") or name in ("style", "href", "src")]


TOKEN = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([A-Za-z_]\w*)|(-?[\d.]+)|(->|[][{}=;,]))', re.DOTALL)


def tokens(text: str) -> Iterator[tuple[str, str]]:
    at = 0
    while text[at:].strip():
        found = TOKEN.match(text, at)
        assert found is not None, text[at : at + 40]
        kind = next(
            kind
            for kind, group in zip(("string", "word", "number", "sign"), found.groups(), strict=True)
            if group is not None
        )
        yield kind, found[found.lastindex or 0]
        at = found.end()


def read_dot(text: str) -> list[str]:
    """The labels of a DOT graph of the kind that we write; fails for anything else."""
    stream = list(tokens(text))
    assert [value for _, value in stream[:1]] == ["digraph"]
    depth, labels = 0, []
    for index, (kind, value) in enumerate(stream):
        if kind == "sign":
            depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(value, 0)
            assert depth > 0 or index == len(stream) - 1
        if (kind, value) == ("word", "label"):
            assert stream[index + 1] == ("sign", "=")
            assert stream[index + 2][0] == "string"
            labels.append(unescape(re.sub(r"\\(.)", r"\1", stream[index + 2][1])))
    assert depth == 0
    return labels


@given(graphs(), names)
def test_any_name_gives_dot_that_says_it(graph: Graph, title: str) -> None:
    labels = read_dot(dot.render(graph, title))
    for node in graph.nodes.values():
        assert any(label.endswith(spelt(node.name)) for label in labels)


def spelt(name: str) -> tuple[str, str]:
    """How a name ends a label: by itself, or behind other words, where a colon begins no line."""
    return safe(name), safe(f"x{name}").removeprefix("x")


LINE = re.compile(
    r'flowchart LR|  (?:subgraph [ga]\d+\["[^"]*"\]|end|  n\d+(?:\["[^"]*"\]|\(\["[^"]*"\]\))(?::::\w+)?'
    r'|n\d+(?:\["[^"]*"\]|\(\["[^"]*"\]\))(?::::\w+)?|n\d+ (?:---|===|-\.-)(?:\|"[^"]*"\|)? n\d+|classDef \w+ [\w:#,. -]+)'
)


@given(graphs())
def test_any_name_gives_mermaid_of_known_lines(graph: Graph) -> None:
    text = mermaid.render(graph)
    for line in text.split("\n"):
        assert LINE.fullmatch(line), line
    labels = re.findall(r'"([^"]*)"', text)
    assert not re.search(r"(^|\|| )(\d+[.)]|[-+*]) |\b_|_\b|[*`]", "|".join(labels))  # Markdown
    assert not re.search(r"[<>`\\\[\]{}|]", "".join(labels))
    shown = [re.sub(r"#(\d+);", lambda found: chr(int(found[1])), label) for label in labels]
    for node in graph.nodes.values():
        assert any(label.endswith(spelt(node.name)) for label in shown)


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
def test_graphviz_reads_it() -> None:
    nodes = {}
    for number, name in enumerate(NASTY):
        key = repository_key("w", f"{name}{number}")
        nodes[key] = Node(key, "Repository", f"{name}{number}", ("w", name), "", name)
    text = dot.render(Graph(nodes, ()), '"; evil [')
    done = subprocess.run(["dot", "-Tdot"], input=text.encode(), capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
