"""The server of the warm processes."""

from __future__ import annotations

from pathlib import Path

import ansible.config
import pytest
from ansible.utils.collection_loader._collection_meta import _meta_yml_to_dict

from ansible_collections.slipway.graph.plugins.plugin_utils.worker.ansible_doors import only_imports

ROUTING = """
plugin_routing:
  modules: {old: {redirect: new}}
import_redirection:
# at the margin
  a.b: {redirect: c.d}

  e.f: {redirect: g.h}
action_groups: {all: [new]}
"""


@pytest.mark.parametrize(
    "routing", [ROUTING, (Path(ansible.config.__file__).parent / "ansible_builtin_runtime.yml").read_text()]
)
def test_redirections_of_imports_are_all_that_is_read_of_a_collections_routing(routing: str) -> None:
    whole = _meta_yml_to_dict(routing, "x")
    assert only_imports(routing.encode(), "x") == {"import_redirection": whole["import_redirection"]}


def test_routing_without_redirections_of_imports_is_empty() -> None:
    assert only_imports("plugin_routing: {}\n", "x") == {}
