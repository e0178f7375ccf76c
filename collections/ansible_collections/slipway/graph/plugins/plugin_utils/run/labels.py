# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an item of a loop is called, without what is secret in it: a label stands in output, journal, plan and report.

An item is often given to a module piece by piece, and a piece may go to an option that the module marks ``no_log``.
"""

from __future__ import annotations

import collections.abc as c
import typing as t

from ansible.errors import AnsibleError

from ansible_collections.slipway.graph.plugins.module_utils.harmless import harmless
from ansible_collections.slipway.graph.plugins.plugin_utils.read import modules
from ansible_collections.slipway.graph.plugins.plugin_utils.read.loading import Step
from ansible_collections.slipway.graph.plugins.plugin_utils.read.rendering import Renderer, Variables
from ansible_collections.slipway.graph.plugins.plugin_utils.worker import hidden

# Stands for the label of an item that `no_log` hides.
HIDDEN_LABEL = "(hidden by no_log)"


def label_of(step: Step, variables: Variables, item: t.Any, renderer: Renderer) -> str:
    """The label of an item.

    :raises AnsibleError: for one that depends on what is not there yet.
    """
    label = harmless(renderer.label(step, variables, item))
    secret = modules.secret_options(step.path)
    if not secret:
        return label
    try:
        given = renderer.arguments(step, variables)
    except AnsibleError:  # what goes into which option will be known only later
        return HIDDEN_LABEL
    return str(hidden.without(label, set(_values(given, secret))))


def _values(given: t.Any, secret: c.Container[str], is_secret: bool = False) -> c.Iterator[str]:
    """The texts that secret options are given, on whatever level these stand."""
    if isinstance(given, c.Mapping):
        for name, value in given.items():
            yield from _values(value, secret, is_secret or name in secret)
    elif isinstance(given, (list, tuple)):
        for value in given:
            yield from _values(value, secret, is_secret)
    elif is_secret and given not in (None, "", True, False):
        yield str(given)
