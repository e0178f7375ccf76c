# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a warm process keeps of botocore: clients with their open connections, and service models."""

from __future__ import annotations

import collections.abc as c
import contextlib
import os
import typing as t

try:
    import boto3
    import botocore.client
    import botocore.hooks
    import botocore.loaders
    import botocore.parsers
    import botocore.session
except ImportError:  # the worker uses this only where boto3 is
    pass


CUT = "the answer of AWS cannot be read: it was cut on the way, or something else than AWS gave it"


def keep_clients() -> None:
    """Make botocore answer an equal request for a client with the client it made before.

    Modules build their clients anew on each call; the models, the endpoint rules and above all the open
    connection are worth keeping. The key holds everything that a client is made from.
    """
    loader = botocore.loaders.create_loader()
    botocore.loaders.create_loader = lambda *_args, **_kwargs: loader
    botocore.session.create_loader = botocore.loaders.create_loader
    session_class: t.Any = botocore.session.Session
    create_client = session_class.create_client
    clients: dict[t.Any, t.Any] = {}

    def kept_client(self: t.Any, service_name: str, *args: t.Any, **kwargs: t.Any) -> t.Any:
        config = kwargs.get("config")
        options = getattr(config, "_user_provided_options", None)
        key = (
            service_name,
            args,
            tuple(sorted((name, value) for name, value in kwargs.items() if name != "config" and value is not None)),
            repr(sorted(options.items())) if options else None,
            self.profile,
            _settings(),
        )
        try:
            return clients[key]
        except (KeyError, TypeError):
            client = create_client(self, service_name, *args, **kwargs)
            with contextlib.suppress(TypeError):  # an unhashable argument: this client is not kept
                clients[key] = client
            return client

    session_class.create_client = kept_client


def keep_sessions() -> None:
    """Make boto3 answer an equal request for a session with the one it made before, as long as its settings hold."""
    original: t.Any = boto3.session.Session
    kept: dict[t.Any, t.Any] = {}

    class KeptSession(original):
        def __new__(cls, *arguments: t.Any, **options: t.Any) -> t.Any:
            key = (arguments, tuple(sorted(options.items())), _settings())
            if key not in kept:
                kept[key] = super().__new__(cls)
            return kept[key]

        def __init__(self, *arguments: t.Any, **options: t.Any) -> None:
            if not hasattr(self, "_session"):
                super().__init__(*arguments, **options)

    boto3.session.Session = KeptSession  # type: ignore[misc]


def _settings() -> tuple[tuple[str, str], ...]:
    """What the environment says of credentials, Region and endpoints."""
    return tuple(sorted((name, value) for name, value in os.environ.items() if name.startswith("AWS_")))


def keep_models() -> None:
    """Make botocore parse a service's model and build its client class once per process, not once per client."""
    creator: t.Any = botocore.client.ClientCreator
    for name in ("_create_client_class", "_load_service_model", "_load_service_endpoints_ruleset"):
        setattr(creator, name, _once_per_service(getattr(creator, name)))


def keep_event_names() -> None:
    """Make botocore look up what an event is called today once per process, not 400 times for each session."""
    aliaser: t.Any = botocore.hooks.EventAliaser
    look_up = aliaser._alias_event_name
    kept: dict[str, str] = {}

    def once(self: t.Any, event_name: str) -> str:
        if event_name not in kept:
            kept[event_name] = look_up(self, event_name)
        return kept[event_name]

    aliaser._alias_event_name = once


def refuse_cut_answers() -> None:
    """Make botocore say of an answer that it cannot be read: a proxy on the way may have cut it.

    JSON it would take for an answer without anything in it, and XML it would show, with whatever secrets that has.
    """
    json_parser: t.Any = botocore.parsers.BaseJSONParser
    xml_parser: t.Any = botocore.parsers.BaseXMLResponseParser
    parse_json, parse_xml = json_parser._parse_body_as_json, xml_parser._parse_xml_string_to_dom

    def whole_json(self: t.Any, body: bytes) -> t.Any:
        parsed = parse_json(self, body)
        if body.lstrip()[:1] in (b"{", b"[") and parsed == {"message": body.decode(self.DEFAULT_ENCODING)}:
            raise botocore.parsers.ResponseParserError(CUT)
        return parsed

    def whole_xml(self: t.Any, body: bytes) -> t.Any:
        try:
            return parse_xml(self, body)
        except botocore.parsers.ResponseParserError:
            raise botocore.parsers.ResponseParserError(CUT) from None

    json_parser._parse_body_as_json = whole_json
    xml_parser._parse_xml_string_to_dom = whole_xml


def _once_per_service(method: t.Callable[..., t.Any]) -> t.Callable[..., t.Any]:
    kept: dict[str, t.Any] = {}

    def once(self: t.Any, service_name: str, *args: t.Any, **kwargs: t.Any) -> t.Any:
        if service_name not in kept:
            kept[service_name] = method(self, service_name, *args, **kwargs)
        return kept[service_name]

    return once


def warm_up(services: c.Iterable[str]) -> None:
    """Have everything ready that the first clients of some services need, so that the workers inherit it."""
    connect = _client_of_a_module if _has_credentials() else _client_without_credentials
    for service in services:
        with contextlib.suppress(Exception, SystemExit):  # a module that needs the service reports what is wrong
            connect(service)
            for kind in ("paginators-1", "waiters-2"):
                botocore.loaders.create_loader().load_service_model(service, kind)


def _has_credentials() -> bool:
    """Whether there are any: else each real client would look for them anew, on the network too."""
    with contextlib.suppress(Exception):  # a profile that does not exist, a login that has expired
        return boto3.session.Session().get_credentials() is not None
    return False


def _client_of_a_module(service: str) -> None:
    """Make the very client that modules will ask for."""
    # Only here, outside the controller.
    from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule  # noqa: PLC0415

    from ansible_collections.slipway.graph.plugins.plugin_utils.worker import ansible_doors  # noqa: PLC0415

    ansible_doors.hand_arguments_over(b'{"ANSIBLE_MODULE_ARGS": {}}')
    AnsibleAWSModule(argument_spec={}).client(service)


def _client_without_credentials(service: t.Any) -> None:
    """Make a client that is never called; it leaves the service's models behind."""
    boto3.session.Session().client(
        service,
        region_name="us-east-1",
        aws_access_key_id="unused",
        aws_secret_access_key="unused",  # noqa: S106
    )
