#!/usr/bin/env python3
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Delete the server and the secret of a restore drill, and wait until they are gone. Prints what was there.

With --after-playbook it goes on in the background, waits for this ansible-playbook to end, however it ends, and only
then deletes what that very drill has left. Where there was something, it looks again: a module outlives a killed
playbook by its last request.
"""

from __future__ import annotations

import argparse
import itertools
import os
import select
import sys
import time
from pathlib import Path

import boto3
from botocore.exceptions import ClientError

PURPOSE = ("slipway:purpose", "restore-drill")
DRILL = "slipway:drill"
PAUSE_SECONDS = 5
# RDS refuses while it makes, backs up or changes the server.
PATIENCE_SECONDS = 3600
# No request of a module is longer on its way.
LAST_REQUEST_SECONDS = 20


class Sweep:
    """What to delete: everything of drills under a name, or only what is of one drill."""

    def __init__(self, name: str, drill: str) -> None:
        self.name = name
        self.drill = drill
        self.rds = boto3.client("rds")
        self.secrets = boto3.client("secretsmanager")

    def run(self) -> list[str]:
        """Delete all of it, and return what there was."""
        found = [self._server(), self._secret()]
        return [each for each in found if each]

    def _server(self) -> str:
        deadline = time.monotonic() + PATIENCE_SECONDS
        there = False
        pauses = itertools.chain((1, 1, 2), itertools.repeat(PAUSE_SECONDS))
        while self._is_ours("server", self._describe_server()):
            there = True
            if time.monotonic() > deadline:
                raise SystemExit(f"the server {self.name} could not be deleted within {PATIENCE_SECONDS} seconds")
            self._delete_server()
            time.sleep(next(pauses))
        return f"server {self.name}" if there else ""

    def _describe_server(self) -> dict[str, str] | None:
        try:
            (instance,) = self.rds.describe_db_instances(DBInstanceIdentifier=self.name)["DBInstances"]
        except self.rds.exceptions.DBInstanceNotFoundFault:
            return None
        return tags_of(instance.get("TagList", []))

    def _delete_server(self) -> None:
        try:
            self.rds.delete_db_instance(
                DBInstanceIdentifier=self.name, SkipFinalSnapshot=True, DeleteAutomatedBackups=True
            )
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("InvalidDBInstanceState", "DBInstanceNotFound"):
                raise

    def _secret(self) -> str:
        if not self._is_ours("secret", self._describe_secret()):
            return ""
        self.secrets.delete_secret(SecretId=self.name, ForceDeleteWithoutRecovery=True)
        return f"secret {self.name}"

    def _describe_secret(self) -> dict[str, str] | None:
        try:
            secret = self.secrets.describe_secret(SecretId=self.name)
        except self.secrets.exceptions.ResourceNotFoundException:
            return None
        return None if secret.get("DeletedDate") else tags_of(secret.get("Tags", []))

    def _is_ours(self, kind: str, tags: dict[str, str] | None) -> bool:
        if tags is None:
            return False
        if tags.get(PURPOSE[0]) != PURPOSE[1]:
            raise SystemExit(f"the {kind} {self.name} does not belong to a drill: it lacks the tag {'='.join(PURPOSE)}")
        return not self.drill or tags.get(DRILL) == self.drill


def tags_of(pairs: list[dict[str, str]]) -> dict[str, str]:
    """Tags by key."""
    return {pair["Key"]: pair["Value"] for pair in pairs}


def playbook() -> int:
    """The process of this ansible-playbook: the outermost one that is called so, for its workers are, too."""
    process, found = os.getppid(), 0
    while process > 1:
        # The program, or the script that Python runs; a shell may have the name in its command.
        arguments = Path(f"/proc/{process}/cmdline").read_text().split("\0")[:2]
        if "ansible-playbook" in [Path(argument).name for argument in arguments]:
            found = process
        process = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
    return found or os.getppid()


def wait_for(process: int) -> None:
    """Return when a process has ended."""
    poll = select.poll()
    poll.register(os.pidfd_open(process), select.POLLIN)
    poll.poll()


def go_on_in_background() -> None:
    """Leave the caller, and let go of everything of the caller's, its pipes above all."""
    if os.fork():
        os._exit(0)
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)


def finish(name: str, drill: str) -> None:
    """Delete what a drill has left until nothing is; a failing API is asked again."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            if not Sweep(name, drill).run():
                return
        except ClientError:
            time.sleep(PAUSE_SECONDS)
        else:
            time.sleep(LAST_REQUEST_SECONDS)


def main() -> None:
    """Carry out the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", help="name of the server and of the secret")
    parser.add_argument("--drill", default="", help="only what has the tag of this drill")
    parser.add_argument("--after-playbook", action="store_true", help="wait in the background until the playbook ends")
    given = parser.parse_args()
    if not given.after_playbook:
        sys.stdout.write("\n".join(Sweep(given.name, given.drill).run()))
        return
    process = playbook()
    go_on_in_background()
    wait_for(process)
    finish(given.name, given.drill)


if __name__ == "__main__":
    main()
