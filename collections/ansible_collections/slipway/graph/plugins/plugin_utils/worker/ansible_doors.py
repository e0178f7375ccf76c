# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The warm processes' door to what ansible-core does not promise to keep: how it imports collections and runs modules.

They are outside the controller and import nothing of it, so they have a door of their own. It stands by itself: the
server needs it before it can import collections.
"""

from __future__ import annotations

import collections.abc as c
import importlib.machinery
import json
import os
import re
import typing as t

from ansible.module_utils import basic
from ansible.module_utils.common import warnings
from ansible.utils.collection_loader import _collection_finder, _collection_meta

_NAMES: tuple[tuple[t.Any, tuple[str, ...]], ...] = (
    (basic, ("_ANSIBLE_ARGS", "_ANSIBLE_PROFILE", "_json")),
    (basic.AnsibleModule, ("_record_module_result",)),
    (warnings, ("_global_warnings", "_global_deprecations")),
    (_collection_meta, ("_meta_yml_to_dict",)),
    (_collection_finder, ("_AnsibleCollectionFinder", "_AnsibleCollectionPkgLoaderBase", "_meta_yml_to_dict")),
)


def check() -> None:
    """Refuse an ansible-core that lacks something that is needed here.

    :raises RuntimeError: one message that names it.
    """
    missing = [f"{owner.__name__}.{name}" for owner, names in _NAMES for name in names if not hasattr(owner, name)]
    if missing:
        from ansible.module_utils.ansible_release import __version__  # noqa: PLC0415 - for this message only

        raise RuntimeError(f"ansible-core {__version__} lacks {', '.join(missing)}, which modules are run by here")


def import_collections_from(paths: list[str]) -> None:
    """Make collections importable, as fast as all other Python: from compiled files, with no look at plugin routing."""
    _collection_finder._AnsibleCollectionFinder(paths=paths)._install()
    _collection_finder._meta_yml_to_dict = only_imports
    _keep_bytecode(_collection_finder._AnsibleCollectionPkgLoaderBase)


def only_imports(routing: bytes | str, content_id: t.Any) -> dict[str, t.Any]:
    """What a collection's ``meta/runtime.yml`` says of imports, which is all that is asked for here.

    Most of these files is about plugins; Ansible's own has 10,000 lines.
    """
    text = routing if isinstance(routing, str) else routing.decode()
    part = re.search(r"^import_redirection:.*?(?=^[^\s#]|\Z)", text, re.MULTILINE | re.DOTALL)
    return dict(_collection_meta._meta_yml_to_dict(part[0], content_id)) if part else {}


def _keep_bytecode(loader: t.Any) -> None:
    get_code = loader.get_code

    def kept(self: t.Any, fullname: str) -> t.Any:
        path = self._source_code_path
        if not path or not os.path.isfile(path):  # noqa: PTH113 - asked for each import
            return get_code(self, fullname)
        return importlib.machinery.SourceFileLoader(fullname, path).get_code(fullname)

    loader.get_code = kept


def hand_arguments_over(serialised: bytes) -> None:
    """Give the next module its arguments, the way Ansible's own loader of modules does."""
    basic._ANSIBLE_ARGS, basic._ANSIBLE_PROFILE = serialised, "legacy"
    warnings._global_warnings.clear()
    warnings._global_deprecations.clear()


def watch_modules(
    on_start: c.Callable[[t.Any], None],
    on_ready: c.Callable[[t.Any, bool], None],
    on_result: c.Callable[[t.Any, dict[str, t.Any]], None],
) -> None:
    """Hear of every module: before and after it has read its arguments, and of its result instead of its printing it.

    ``on_ready`` is also told whether the module is to compare what it changes (``--diff``).
    """
    initialise = basic.AnsibleModule.__init__

    def started(self: t.Any, *args: t.Any, **kwargs: t.Any) -> None:
        on_start(self)
        initialise(self, *args, **kwargs)
        on_ready(self, self._diff)

    def ended(self: t.Any, result: dict[str, t.Any]) -> None:
        # Since ansible-core 2.22 a result names the secrets that the controller is to hide.
        on_result(self, {key: value for key, value in result.items() if key != "_ansible_new_secrets"})

    basic.AnsibleModule.__init__ = started
    basic.AnsibleModule._record_module_result = ended


def serialised(result: dict[str, t.Any]) -> str:
    """A module's result the way Ansible's own modules write it."""
    encoder = basic._json.get_module_encoder(basic._ANSIBLE_PROFILE, basic._json.Direction.MODULE_TO_CONTROLLER)
    return json.dumps(result, cls=encoder)
