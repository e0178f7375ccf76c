# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an OpenAPI document asks of API Gateway: methods by path, and the models that requests are checked against.

API Gateway's own import takes no OpenAPI 3.1, fails on keywords of newer JSON Schemas, and has to be told everything
else by extensions in the document. Here the document stays the application's.

What the gateway checks never refuses what the document allows: a model is the document's schema or a looser one. What
API Gateway cannot have at all ends in a `DocumentError`, with all there is to say about the document.

Facts are from "Amazon API Gateway important notes" (paths, names of models, keywords), from the API's CreateModel (400
KB, draft 4) and from the specifications of OpenAPI 3.0 and 3.1, JSON Schema draft 4 and 2020-12, and RFC 6901.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeVar
from urllib.parse import unquote

Document = Mapping[str, Any]
Schema = dict[str, Any]
Found = TypeVar("Found")

VERBS = ("get", "put", "post", "delete", "options", "head", "patch")
# OpenAPI 3.0 ignores bodies of these, since HTTP gives them no meaning.
VERBS_WITHOUT_BODY = ("get", "head", "delete")
PLACES = {"path": "path", "query": "querystring", "header": "header"}
# OpenAPI ignores parameters of these names: other parts of a document describe them.
HEADERS_DESCRIBED_ELSEWHERE = frozenset({"accept", "content-type", "authorization"})
PARAMETER_NAME = re.compile(r"[A-Za-z0-9._$-]+")
PATH_PART = re.compile(r"[A-Za-z0-9._,:-]+|\{[A-Za-z0-9._-]+\+?\}")
JSON_TYPE = re.compile(r"(application|text)/json|[^*]+/[^*]+\+json")
VERSION_3_0 = re.compile(r"3\.0(\.|$)")

# API Gateway gives every API these, and its SDKs may not tell capitals apart.
GIVEN_MODELS = frozenset({"empty", "error"})
# AWS names no limit; SDKs make classes and files of these names.
LONGEST_NAME = 64

DRAFT = "http://json-schema.org/draft-04/schema#"
LARGEST_MODEL = 400_000
DEEPEST_REFERENCE = 30
COST_OF_KEYWORD = 16
TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")
KEPT_ANNOTATIONS = ("title", "description", "default")
COUNTS = ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties")
IN_PLACE = ("allOf", "anyOf", "oneOf")
# All whose meaning is kept in draft 4, or that have none for validation. Any other keyword makes a translation looser
# than its schema: `format` is one of them, since API Gateway checks it and the document only mentions it.
UNDERSTOOD = frozenset(
    {
        *KEPT_ANNOTATIONS, *COUNTS, *IN_PLACE, "not", "type", "enum", "const", "pattern", "minimum", "maximum",
        "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "uniqueItems", "required", "properties",
        "patternProperties", "additionalProperties", "items", "prefixItems", "additionalItems", "dependentRequired",
        "dependentSchemas", "nullable", "$ref", "$schema", "$id", "$anchor", "$defs", "$comment", "definitions",
        "example", "examples", "externalDocs", "xml", "deprecated", "readOnly", "writeOnly",
    }
)  # fmt: skip
# What a regular expression of ECMAScript 5 has not, or understands otherwise.
FOREIGN_REGEX = re.compile(
    r"\\[pPAZzhHGQEkKRXae]|\\u\{|\(\?(?![:=!])|[*+?}]\+|\[\[:|&&|--|[^\u0000-\uffff]",
)  # fmt: skip


class DocumentError(Exception):
    """The document is wrong, or asks for something that API Gateway has not."""


def canonical(value: Any) -> str:
    """JSON that is the same for the same value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


# -- the document, and where something stands in it ------------------------------------------------------------


class Node(NamedTuple):
    """A value of a document, with its place in it."""

    document: Document
    value: Any
    keys: tuple[str, ...] = ()
    # The schema with an `$id` around it: references in it are relative to that.
    base: Node | None = None

    @property
    def pointer(self) -> str:
        """Its place, as a reference would name it without percent-encoding."""
        return "#" + "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in self.keys)

    def at(self, key: str | int) -> Node:
        """What it has by this name or index."""
        below = Node(self.document, self.value[key], (*self.keys, str(key)), self.base)
        if isinstance(below.value, Mapping) and isinstance(below.value.get("$id"), str):
            return below._replace(base=below)
        return below

    def wrong(self, problem: str, allowed: str) -> DocumentError:
        """The error that says so of this place."""
        return DocumentError(f"{self.pointer} {problem}; allowed: {allowed}.")

    def checked(self, right: bool, allowed: str) -> Any:
        """Its value.

        :raises DocumentError: unless it is right.
        """
        if not right:
            raise self.wrong(f"is {_shortened(self.value)}", allowed)
        return self.value

    def mapping(self, allowed: str = "an object") -> Mapping[str, Any]:
        """Its value, which is an object.

        :raises DocumentError: where it is not.
        """
        found: Mapping[str, Any] = self.checked(isinstance(self.value, Mapping), allowed)
        return found

    def members(self, allowed: str = "a list") -> list[Node]:
        """What it lists.

        :raises DocumentError: where it is no list.
        """
        self.checked(isinstance(self.value, list), allowed)
        return [self.at(index) for index in range(len(self.value))]

    def entries(self) -> dict[str, Node]:
        """Name -> what the object has by it.

        :raises DocumentError: where it is no object.
        """
        return {key: self.at(key) for key in self.mapping()}

    def refers(self) -> bool:
        """Whether it is a reference."""
        return isinstance(self.value, Mapping) and "$ref" in self.value

    def referred(self) -> Node:
        """What its reference leads to (RFC 6901, section 6: percent-decoded first, then read as a pointer).

        :raises DocumentError: where it leads out of the document, or nowhere.
        """
        reference = self.at("$ref")
        text = reference.checked(isinstance(reference.value, str), "a text such as #/components/schemas/Order")
        if text != "#" and not text.startswith("#/"):
            raise reference.wrong(f"is {text}", "references within the document, such as #/components/schemas/Order")
        for start in (self.base, Node(self.document, self.document)):
            found = start and _below(start, unquote(text[1:]).split("/")[1:])
            if found:
                return found
        raise reference.wrong(f"is {text}, which is not in the document", "a place that is in it")

    def followed(self) -> Node:
        """Itself, or what its reference and those behind it lead to.

        :raises DocumentError: where they lead nowhere, out of the document, or in a circle.
        """
        node, seen = self, {self.pointer}
        while node.refers():
            node = node.referred()
            if node.pointer in seen:
                raise self.wrong(f"refers to {node.pointer}, which leads back to itself", "references that end")
            seen.add(node.pointer)
        return node


def _below(start: Node, parts: Sequence[str]) -> Node | None:
    node = start
    for part in parts:
        key: str | int = part.replace("~1", "/").replace("~0", "~")
        if isinstance(node.value, list) and re.fullmatch(r"0|[1-9][0-9]*", part) and int(part) < len(node.value):
            key = int(part)
        elif not isinstance(node.value, Mapping) or key not in node.value:
            return None
        node = node.at(key)
    return node


def _shortened(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "..."


# -- what the document asks for --------------------------------------------------------------------------------


class Operation(NamedTuple):
    """A method of the API."""

    path: str
    """Path of the resource, as API Gateway has it."""
    written: str
    """Path in the document."""
    verb: str
    name: str
    """Its operationId, or nothing."""
    parameters: Mapping[str, bool]
    """Those that the gateway can look for, and whether each is required."""
    models: Mapping[str, str]
    """Content type -> name of the model that a body of it is checked against."""


class Description(NamedTuple):
    """The API that a document describes."""

    operations: Sequence[Operation]
    models: Mapping[str, Schema]


class _Body(NamedTuple):
    """A schema that bodies are checked against, and what its model would best be called."""

    schema: Node
    title: str

    @property
    def source(self) -> str:
        return self.schema.pointer


def described(document: Document) -> Description:
    """The API that the document describes.

    :raises DocumentError: with everything that is wrong, and that API Gateway cannot have.
    """
    problems: list[str] = []
    found: list[tuple[Operation, dict[str, _Body]]] = []
    for entry in _paths(document, problems):
        for read in _operations(entry, problems):
            result = _noted(problems, read)
            if result:
                found.append(result)
    problems += _twice([operation for operation, _bodies in found])
    bodies = {body.source: body for _operation, by_type in found for body in by_type.values()}
    schemas = {source: _noted(problems, partial(_model, body.schema)) for source, body in bodies.items()}
    if not found and not problems:
        problems.append("#/paths has no operations; allowed: a document with at least one.")
    if problems:
        raise DocumentError(" ".join(dict.fromkeys(problems)))
    names = _names(bodies)
    return Description(
        [
            operation._replace(models={kind: names[body.source] for kind, body in by_type.items()})
            for operation, by_type in found
        ],
        {names[source]: schema for source, schema in schemas.items() if schema is not None},
    )


def _noted(problems: list[str], read: Callable[[], Found]) -> Found | None:
    try:
        return read()
    except DocumentError as error:
        problems.append(str(error))
        return None


# -- paths and operations --------------------------------------------------------------------------------------


class _Path(NamedTuple):
    """A path of the document, with what it says itself and what its reference says."""

    node: Node
    path: str
    fields: Mapping[str, Node]


def _paths(document: Document, problems: list[str]) -> list[_Path]:
    whole = Node(document, document)
    if "paths" not in whole.mapping():
        return []
    variables: dict[str, tuple[str, str]] = {}
    found = []
    for written, entry in sorted(whole.at("paths").entries().items()):
        if not written.startswith("x-"):
            read = _noted(problems, partial(_path, written, entry, variables))
            if read:
                found.append(read)
    return found


def _path(written: str, entry: Node, variables: dict[str, tuple[str, str]]) -> _Path:
    path = _normal(written, entry)
    _compare_variables(path, entry, variables)
    return _Path(entry, path, _fields(entry, ()))


def _normal(written: str, entry: Node) -> str:
    """The path of the resource. API Gateway has none with a slash at its end, and serves such requests by the one
    without it."""
    if written == "/":
        return written
    path = written.removesuffix("/")
    parts = path.split("/")[1:]
    if not written.startswith("/") or not all(PATH_PART.fullmatch(part) for part in parts):
        raise entry.wrong(
            "is a path that API Gateway cannot have",
            "paths that begin with /, of parts with letters, digits and ._,:- or with one parameter that is the whole"
            " part, such as /orders/{id}",
        )
    if any(part.endswith("+}") for part in parts[:-1]):
        raise entry.wrong("goes on after a parameter for the rest of a path", "such a parameter as the last part")
    if len(set(_variables(path))) < len(_variables(path)):
        raise entry.wrong("has two parameters of one name", "parameters with names of their own")
    return path


def _variables(path: str) -> list[str]:
    return [part[1:-1].removesuffix("+") for part in path.split("/") if part.startswith("{")]


def _compare_variables(path: str, entry: Node, seen: dict[str, tuple[str, str]]) -> None:
    """API Gateway has one parameter at a place: "only one unique variable path part is allowed" (CreateResource)."""
    above = ""
    for part in path.split("/")[1:]:
        if part.startswith("{"):
            other, where = seen.setdefault(above, (part, entry.pointer))
            if other != part:
                raise entry.wrong(
                    f"has the parameter {part} where {where} has {other}",
                    "one name for the parameter at one place of all paths",
                )
        above += "/" + part


def _fields(entry: Node, seen: tuple[str, ...]) -> dict[str, Node]:
    """What a path item says, with what the one says that it refers to."""
    entry.mapping("an object with operations")
    own = {key: each for key, each in entry.entries().items() if key != "$ref"}
    if not entry.refers():
        return own
    target = entry.referred()
    if target.pointer in (*seen, entry.pointer):
        raise entry.wrong(f"refers to {target.pointer}, which leads back to itself", "references that end")
    theirs = _fields(target, (*seen, entry.pointer))
    for key in sorted({*VERBS, "parameters", "trace"} & own.keys() & theirs.keys()):
        raise own[key].wrong(
            f"is also in {target.pointer}, which the path refers to, and OpenAPI does not say which of them counts",
            f"{key} in one of them",
        )
    return {**theirs, **own}


def _operations(entry: _Path, problems: list[str]) -> Iterator[Callable[[], tuple[Operation, dict[str, _Body]]]]:
    if "trace" in entry.fields:
        problems.append(str(entry.fields["trace"].wrong("is a method that API Gateway has not", ", ".join(VERBS))))
    for verb in VERBS:
        if verb in entry.fields:
            yield partial(_operation, entry, verb)


def _operation(entry: _Path, verb: str) -> tuple[Operation, dict[str, _Body]]:
    node = entry.fields[verb].followed()
    fields = {key: node.at(key) for key in node.mapping("an operation")}
    name = fields.get("operationId")
    text = name.checked(isinstance(name.value, str), "a text") if name else ""
    parameters = _parameters(entry.path, (entry.fields.get("parameters"), fields.get("parameters")))
    title = _cleaned(text) or _as_words(f"{verb} {entry.path}")
    ignored = verb in VERBS_WITHOUT_BODY and _is_3_0(node.document)
    bodies = _bodies(fields["requestBody"], title) if "requestBody" in fields and not ignored else {}
    return Operation(entry.path, entry.node.keys[-1], verb.upper(), text, parameters, {}), bodies


def _twice(operations: Sequence[Operation]) -> list[str]:
    """The methods that two paths of the document would make."""
    first: dict[tuple[str, str], str] = {}
    problems = []
    for each in operations:
        other = first.setdefault((each.path, each.verb), each.written)
        if other != each.written:
            problems.append(
                f"#/paths has {each.verb} for both {other} and {each.written}, which are one path for API Gateway;"
                " allowed: each method of a path once."
            )
    return problems


def _parameters(path: str, lists: Sequence[Node | None]) -> dict[str, bool]:
    """The parameters that the gateway can look for, and whether each one is required."""
    found: dict[tuple[str, str], Node] = {}
    for listed in lists:
        for each in listed.members() if listed else []:
            parameter = each.followed()
            place, name = _place_and_name(parameter)
            # Names of headers are the same in capitals; what an operation says counts more than what its path says.
            found[place, name.lower() if place == "header" else name] = parameter
    return dict(filter(None, (_parameter(path, parameter) for parameter in found.values())))


def _place_and_name(parameter: Node) -> tuple[str, str]:
    held = parameter.mapping("a parameter")
    if not isinstance(held.get("name"), str) or held.get("in") not in (*PLACES, "cookie"):
        raise parameter.wrong(
            f"is {_shortened(held)}", "a parameter with name, and with in: path, query, header, cookie"
        )
    return held["in"], held["name"]


def _parameter(path: str, parameter: Node) -> tuple[str, bool] | None:
    place, name = _place_and_name(parameter)
    required = parameter.value.get("required", place == "path")
    if not isinstance(required, bool):
        raise parameter.at("required").wrong(f"is {_shortened(required)}", "true or false")
    if place == "path" and name.removesuffix("+") not in _variables(path):
        raise parameter.wrong(f"is the path parameter {name}, which {path} has not", "parameters that are in the path")
    described_elsewhere = place == "header" and name.lower() in HEADERS_DESCRIBED_ELSEWHERE
    if place == "cookie" or described_elsewhere or not PARAMETER_NAME.fullmatch(name.removesuffix("+")):
        return None
    if place == "query" and _has_other_names(parameter):
        return None
    # The gateway refuses a required parameter that is there and empty.
    needed = place == "path" or (required and parameter.value.get("allowEmptyValue") is not True)
    return f"method.request.{PLACES[place]}.{name.removesuffix('+')}", needed


def _has_other_names(parameter: Node) -> bool:
    """Whether a query has the properties of an object as parameters of their own: `filter[state]=new`, `state=new`."""
    held = parameter.value
    if held.get("style") == "deepObject":
        return True
    if held.get("style", "form") != "form" or held.get("explode") is False or "schema" not in held:
        return False
    schemas = [each.value for each in _in_place(parameter.at("schema"), set())]
    return any("properties" in each or "object" in _listed(each.get("type")) for each in schemas)


def _bodies(body: Node, title: str) -> dict[str, _Body]:
    """Content type -> what a body of it is checked against. Only JSON has schemas that API Gateway can check."""
    shared = body.refers()
    body = body.followed()
    if shared:
        title = _cleaned(body.keys[-1]) or title
    content = body.at("content") if "content" in body.mapping("a request body") else None
    found: dict[str, _Body] = {}
    unclear = set()
    for written, media in content.entries().items() if content else ():
        kind = written.partition(";")[0].strip().lower()
        if "schema" in media.mapping("an object with a schema") and JSON_TYPE.fullmatch(kind):
            new = _body(media.at("schema"), title, kind)
            # The gateway does not look at what comes after the semicolon.
            if kind in found and found[kind].schema.value != new.schema.value:
                unclear.add(kind)
            found[kind] = new
    return {kind: each for kind, each in found.items() if kind not in unclear}


def _body(schema: Node, title: str, kind: str) -> _Body:
    if schema.refers() and len(schema.value) == 1:
        target = schema.referred()
        return _Body(target, _cleaned(target.keys[-1] if target.keys else ""))
    kind = "" if kind == "application/json" else _as_words(kind.partition("/")[2])
    return _Body(schema, f"{title}{kind}Body")


def _cleaned(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9]", "", text)


def _as_words(text: str) -> str:
    return "".join(word[:1].upper() + word[1:] for word in re.findall(r"[A-Za-z0-9]+", text))


def _names(bodies: Mapping[str, _Body]) -> dict[str, str]:
    """Source -> name of its model. A name that would not do, or is not the only one, gets a digest of its source."""
    taken = Counter(body.title.lower() for body in bodies.values())
    names = {}
    for source, body in bodies.items():
        title = body.title
        clear = taken[title.lower()] == 1 and title.lower() not in GIVEN_MODELS and 0 < len(title) <= LONGEST_NAME
        digest = hashlib.sha256(source.encode()).hexdigest()[:8]
        names[source] = title if clear else (title or "Model")[: LONGEST_NAME - len(digest)] + digest
    return names


# -- schemas as models -----------------------------------------------------------------------------------------


def model(document: Document, schema: Mapping[str, Any]) -> Schema:
    """A schema as a model: draft 4, with what it refers to in its place, and never stricter than the schema.

    :raises DocumentError: where the schema is none, or refers to what is not in the document.
    """
    return _model(Node(document, schema))


def _model(schema: Node) -> Schema:
    converted = {"$schema": DRAFT, **_Translation().of(schema, (schema.pointer,)).schema}
    return converted if len(json.dumps(converted)) <= LARGEST_MODEL else {"$schema": DRAFT}


class _Draft4(NamedTuple):
    """A schema of draft 4 that lets pass whatever its original lets pass; nothing else does if it is exact."""

    schema: Schema
    exact: bool = True


ANYTHING = _Draft4({}, exact=False)


class _Translation:
    """The translation of one schema, which ends where its model would become too large."""

    def __init__(self) -> None:
        self.left = LARGEST_MODEL

    def of(self, node: Node, inside: tuple[str, ...], read_only: frozenset[str] | None = None) -> _Draft4:
        """A schema in draft 4.

        :param inside: The references that it is inside of.
        :param read_only: Properties that requests need not have, where other schemas speak of the same object.
        """
        if isinstance(node.value, bool):
            return _Draft4({} if node.value else {"not": {}})
        node.mapping("a schema")
        if read_only is None:
            read_only = _read_only(node)
        if node.refers():
            return self._reference(node, inside, read_only)
        plain = _plain(node, read_only)
        self.left -= len(json.dumps(plain.schema)) + len(node.value) * COST_OF_KEYWORD
        converted = dict(plain.schema)
        parts = [
            plain.exact,
            self._combined(node, inside, read_only, converted),
            self._object(node, inside, converted),
            self._array(node, inside, converted),
            self._dependencies(node, inside, read_only, converted),
            all(key in UNDERSTOOD or key.startswith("x-") for key in node.value),
        ]
        return _nullable(node, _Draft4(converted, all(parts)))

    def _reference(self, node: Node, inside: tuple[str, ...], read_only: frozenset[str]) -> _Draft4:
        node.followed()
        target = node.referred()
        if target.pointer in inside or len(inside) == DEEPEST_REFERENCE or self.left <= 0:
            return ANYTHING  # the application checks what is deeper
        found = _nullable(node, self.of(target, (*inside, target.pointer), read_only))
        if _is_3_0(node.document):  # where only the reference counts
            return found
        beside = {key: value for key, value in node.value.items() if key not in ("$ref", "nullable")}
        own = self.of(node._replace(value=beside), inside, read_only)
        if own.schema.keys() <= set(KEPT_ANNOTATIONS):
            return _Draft4({**found.schema, **own.schema}, found.exact and own.exact)
        return _Draft4({"allOf": [found.schema, own.schema]}, found.exact and own.exact)

    def _combined(self, node: Node, inside: tuple[str, ...], read_only: frozenset[str], converted: Schema) -> bool:
        exact = True
        for key in IN_PLACE:
            members = node.at(key).members("a list of schemas") if key in node.value else []
            found = [self.of(each, inside, read_only) for each in members]
            if not found:
                continue
            same = all(each.exact for each in found)
            exact = exact and same
            if key == "oneOf" and (not same or "discriminator" in node.value):
                # One more of a looser choice may match; a discriminator names the one that counts.
                _also(converted, {"anyOf": [each.schema for each in found]})
                exact = False
            else:
                _also(converted, {key: [each.schema for each in found]})
        if "not" in node.value:
            refused = self.of(node.at("not"), inside, read_only)
            if refused.exact:
                _also(converted, {"not": refused.schema})
            exact = exact and refused.exact
        return exact

    def _object(self, node: Node, inside: tuple[str, ...], converted: Schema) -> bool:
        exact = True
        others_known = True
        for key in ("properties", "patternProperties"):
            found = {}
            for name, each in (node.at(key).entries() if key in node.value else {}).items():
                if key == "patternProperties" and not _portable(name):
                    others_known = False
                    continue
                below = self.of(each, inside)
                found[name] = below.schema
                exact = exact and below.exact
            if found:
                converted[key] = found
        if "additionalProperties" in node.value:
            below = self.of(node.at("additionalProperties"), inside)
            exact = exact and below.exact
            if others_known:
                converted["additionalProperties"] = _or_bool(node.value["additionalProperties"], below)
        return exact and others_known

    def _array(self, node: Node, inside: tuple[str, ...], converted: Schema) -> bool:
        old = isinstance(node.value.get("items"), list)
        first_key, rest_key = ("items", "additionalItems") if old else ("prefixItems", "items")
        members = node.at(first_key).members("a list of schemas") if first_key in node.value else []
        first = [self.of(each, inside) for each in members]
        exact = all(each.exact for each in first)
        if first:
            converted["items"] = [each.schema for each in first]
        if rest_key in node.value:
            rest = self.of(node.at(rest_key), inside)
            exact = exact and rest.exact
            if first:
                converted["additionalItems"] = _or_bool(node.value[rest_key], rest)
            else:
                converted["items"] = rest.schema
        # Where nothing is before them, later drafts do not know additional items.
        return exact

    def _dependencies(self, node: Node, inside: tuple[str, ...], read_only: frozenset[str], converted: Schema) -> bool:
        exact = True
        found: Schema = {}
        if "dependentSchemas" in node.value:
            for name, each in node.at("dependentSchemas").entries().items():
                below = self.of(each, inside, read_only)
                found[name] = below.schema
                exact = exact and below.exact
        if "dependentRequired" in node.value:
            for name, each in node.at("dependentRequired").entries().items():
                needed = _needed(each, read_only)
                exact = exact and read_only.isdisjoint(each.value)
                if needed:
                    found[name] = {"allOf": [{"required": needed}, found[name]]} if name in found else needed
        if found:
            converted["dependencies"] = found
        return exact


def _or_bool(written: Any, translated: _Draft4) -> Any:
    """Draft 4 has true and false only for what is additional."""
    return written if isinstance(written, bool) else translated.schema


def _also(converted: Schema, further: Schema) -> None:
    """Add what has to hold too, also where the keyword is taken."""
    if converted.keys() & further.keys():
        converted.setdefault("allOf", []).append(further)
    else:
        converted.update(further)


def _is_3_0(document: Document) -> bool:
    return bool(VERSION_3_0.match(str(document.get("openapi", ""))))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _in_place(node: Node, seen: set[str]) -> Iterator[Node]:
    """The schemas that speak of the same value, as far as they are well-formed."""
    if not isinstance(node.value, Mapping) or node.pointer in seen:
        return
    seen.add(node.pointer)
    yield node
    if node.refers():
        yield from _in_place(node.referred(), seen)
    for key in IN_PLACE:
        if isinstance(node.value.get(key), list):
            for each in node.at(key).members():
                yield from _in_place(each, seen)


def _read_only(node: Node) -> frozenset[str]:
    """The properties that only answers have: OpenAPI requires those in answers alone."""
    return frozenset(
        name
        for each in _in_place(node, set())
        if isinstance(each.value.get("properties"), Mapping)
        for name, below in each.at("properties").entries().items()
        if any(schema.value.get("readOnly") is True for schema in _in_place(below, set()))
    )


def _plain(node: Node, read_only: frozenset[str]) -> _Draft4:
    """The keywords without schemas below them."""
    held = node.value
    converted: Schema = {key: held[key] for key in KEPT_ANNOTATIONS if key in held}
    for key in ("title", "description"):
        if not isinstance(converted.get(key, ""), str):
            del converted[key]
    parts = [_values(node, converted), _text(node, converted), _bounds(node, converted)]
    if "required" in held:
        needed = _needed(node.at("required"), read_only)
        converted.update({"required": needed} if needed else {})
        parts.append(read_only.isdisjoint(held["required"]))
    return _Draft4(converted, all(parts))


def _needed(names: Node, read_only: frozenset[str]) -> list[str]:
    """The names of a list that requests have to have; draft 4 wants each of them once."""
    value = names.checked(
        isinstance(names.value, list) and all(isinstance(each, str) for each in names.value),
        "a list of names of properties",
    )
    return [name for name in dict.fromkeys(value) if name not in read_only]


def _values(node: Node, converted: Schema) -> bool:
    held = node.value
    if "type" in held:
        _put_types(node.at("type"), held.get("multipleOf"), converted)
    if "enum" in held:
        values = node.at("enum").checked(isinstance(held["enum"], list), "a list of values")
        different = list({canonical(each): each for each in values}.values())
        converted["enum" if different else "not"] = different or {}
    if "const" in held:
        converted["enum"] = [held["const"]]
    return not ("const" in held and "enum" in held)


def _put_types(node: Node, divisor: Any, converted: Schema) -> None:
    types = _listed(node.value)
    node.checked(bool(types) and all(each in TYPES for each in types), f"{', '.join(TYPES)}, or a list of them")
    kept = list(dict.fromkeys("number" if each == "integer" else each for each in types))
    converted["type"] = kept[0] if isinstance(node.value, str) else kept
    # For draft 4, 1.0 is no integer, and for OpenAPI it is one.
    if "integer" in types and "number" not in types and not _is_whole(divisor):
        _also(converted, {"multipleOf": 1})


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: Any) -> bool:
    return _is_number(value) and (isinstance(value, int) or value.is_integer())


def _text(node: Node, converted: Schema) -> bool:
    if "pattern" not in node.value:
        return True
    pattern = node.at("pattern").checked(isinstance(node.value["pattern"], str), "a regular expression")
    if _portable(pattern):
        converted["pattern"] = pattern
        return True
    return False


def _portable(pattern: str) -> bool:
    """Whether a regular expression means the same to API Gateway, as far as can be told."""
    try:
        re.compile(pattern)
    except re.error:
        return False
    return not FOREIGN_REGEX.search(pattern)


def _bounds(node: Node, converted: Schema) -> bool:
    held = node.value
    for key in COUNTS:
        if key in held:
            right = _is_whole(held[key]) and held[key] >= 0
            converted[key] = int(node.at(key).checked(right, "an integer from 0"))
    if "uniqueItems" in held:
        converted["uniqueItems"] = node.at("uniqueItems").checked(
            isinstance(held["uniqueItems"], bool), "true or false"
        )
    if "multipleOf" in held:
        right = _is_number(held["multipleOf"]) and held["multipleOf"] > 0
        _also(converted, {"multipleOf": node.at("multipleOf").checked(right, "a number above 0")})
    _put_limit(node, "minimum", "exclusiveMinimum", max, converted)
    _put_limit(node, "maximum", "exclusiveMaximum", min, converted)
    return True


def _put_limit(node: Node, key: str, exclusive: str, stricter: Callable[[Any, Any], Any], converted: Schema) -> None:
    """A limit, which OpenAPI 3.0 and draft 4 call exclusive by a boolean and later drafts by a number of its own."""
    held = node.value
    if key in held:
        converted[key] = node.at(key).checked(_is_number(held[key]), "a number")
    if exclusive not in held:
        return
    outside = held[exclusive]
    if isinstance(outside, bool):
        if outside and key in held:
            converted[exclusive] = True
        return
    node.at(exclusive).checked(_is_number(outside), "a number, or in OpenAPI 3.0 true or false")
    if key not in held or stricter(outside, held[key]) == outside:
        converted[key], converted[exclusive] = outside, True


def _nullable(node: Node, found: _Draft4) -> _Draft4:
    """OpenAPI 3.0 calls null a value by a keyword of its own, which applications mean more widely than it says."""
    if node.value.get("nullable") is not True:
        return found
    schema = found.schema
    types = schema.get("type")
    if types is None or schema.keys() & {*IN_PLACE, "not"}:
        return _Draft4({"anyOf": [{"enum": [None]}, schema]}, exact=False)
    schema = {**schema, "type": list(dict.fromkeys([*_listed(types), "null"]))}
    if "enum" in schema and None not in schema["enum"]:
        return _Draft4({**schema, "enum": [*schema["enum"], None]}, exact=False)
    return _Draft4(schema, found.exact and _is_3_0(node.document))
