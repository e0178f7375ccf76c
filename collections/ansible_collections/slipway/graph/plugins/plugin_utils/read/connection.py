# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The options by which a module reaches AWS: with whose credentials, and where."""

from __future__ import annotations

import collections.abc as c
import typing as t

# They decide whose account it is; with their other names.
CREDENTIALS = {
    "profile": ("aws_profile",),
    "access_key": ("aws_access_key_id", "aws_access_key", "ec2_access_key"),
    "secret_key": ("aws_secret_access_key", "aws_secret_key", "ec2_secret_key"),
    "session_token": ("aws_session_token", "security_token", "aws_security_token", "access_token"),
    "endpoint_url": ("aws_endpoint_url", "ec2_url", "s3_url", "endpoint"),
}
# Without these the same account may not be reached.
WAYS = {"region": ("aws_region", "ec2_region"), "validate_certs": (), "aws_ca_bundle": ()}
OPTIONS = {**CREDENTIALS, **WAYS}
NAMES = frozenset(OPTIONS) | {alias for aliases in OPTIONS.values() for alias in aliases}


def options_of(arguments: c.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The options among a module's arguments, by their first names."""
    found = {}
    for name, aliases in OPTIONS.items():
        given = next((arguments[each] for each in (name, *aliases) if arguments.get(each) not in (None, "")), None)
        if given is not None:
            found[name] = given
    return found
