#!/usr/bin/python
# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: converge
short_description: Run roles as a graph
version_added: "0.1.0"
author: The Slipway developers (@slipway)
description:
  - Reads ordinary roles and task files with Ansible's own loader, works out from the templates which task needs which
    registered result, and runs every call as soon as its needs are met, in warm processes.
  - The same roles in the C(roles) of a play produce the same account, only slower.
  - In check mode, every module really runs, but is stopped at its first write to AWS, which becomes the plan. No
    module has to support check mode for that, and nothing is written.
  - A task needs the results that its arguments, loop, conditions and variables refer to, directly or through other
    variables. For order without data, put C(after) with a list of registered names into C(vars).
options:
  roles:
    description: Roles in reading order, as in a play.
    type: list
    elements: raw
    default: []
  tasks:
    description: Task files that run after the roles, relative to the playbook's folder.
    type: list
    elements: path
    default: []
  state:
    description:
      - V(present) creates or corrects what the tasks describe.
      - V(absent) runs the graph backwards with O(state=absent) for every module that supports it, after a read-only
        pass has found what exists.
    type: str
    choices: [present, absent]
    default: present
  only:
    description:
      - Roles to which the run is limited; whatever they need also runs.
      - With O(state=absent), these roles and what needs them; what they need stays. C(--tags) and C(--skip-tags) never
        select what is deleted, so they are refused there.
    type: list
    elements: str
    default: []
  account:
    description:
      - The account ID that the credentials must belong to, compared before any other call. Empty means any.
      - Asked are the credentials that will write, those of C(module_defaults) and of single tasks among them, each
        distinct ones once. Those that come from a result are asked before their call starts.
    type: str
    default: ""
  region:
    description:
      - A Region that is checked to exist, offline. Empty means C(AWS_REGION) or C(AWS_DEFAULT_REGION) in the
        C(environment) of the task; with neither there is no check.
    type: str
    default: ""
  confirm:
    description: With O(state=absent), the host's inventory name, as confirmation.
    type: str
    default: ""
  confirm_protected:
    description:
      - With O(state=absent), what may be deleted of the tasks that say C(protect) with C(vars). Besides O(confirm) each
        has to be named; the refusal lists the names. V(rds) stands for all that the role protects, V(kms/database) for
        one item of a loop, the name of the task for one outside of roles.
    type: list
    elements: str
    default: []
  parallel:
    description: How many calls may run at once.
    type: int
    default: 16
  lock:
    description:
      - A lock that is taken before anything is read, and kept as long as this C(ansible-playbook) lives, as by
        M(slipway.graph.lock). One that this run has already is left as it is. A plan takes none.
    type: dict
    suboptions:
      table:
        description: The table in DynamoDB, with the string key C(LockID).
        type: str
        required: true
      key:
        description: What is locked. Empty means the inventory name of the host.
        type: str
        default: ""
      reason:
        description: What others are told this run is doing. Empty means what O(ledger.verb) says.
        type: str
        default: ""
  ledger:
    description:
      - A bucket that remembers, for everybody who deploys, what was run and what was applied last. It is asked with
        the credentials of the run. A bucket that is not there yet is tolerated; then O(applied) alone counts.
      - The object V(runs/<name>/<time>-<verb>.json) is the journal of the run. It is put before the first write, with
        the C(status) V(running), and replaced at the end. So a run that was killed leaves a trace. A plan leaves none.
      - The object V(runs/<name>/applied.json) takes the place of the file O(applied), which is then a copy.
    type: dict
    suboptions:
      bucket:
        description: The bucket. Where O(account) is given, one that belongs to another account is refused.
        type: str
        required: true
      name:
        description: Under which name runs are remembered. Empty means the inventory name of the host.
        type: str
        default: ""
      verb:
        description: What the record calls this run. Empty means V(converge), or V(destroy) with O(state=absent).
        type: str
        default: ""
      elsewhere:
        description:
          - The names of such buckets in other Regions of the account, as a regular expression. A system that this
            ledger does not know, but one of those does, is refused. What has no Region, IAM roles for one, would be
            taken over. A bucket that does not answer keeps nobody waiting.
        type: str
        default: ""
      left:
        description: The Region from which the system has moved here; names of buckets that end with it do not count.
        type: str
        default: ""
  directory:
    description:
      - A folder for all that the run leaves. There stand O(journal) as V(journal.json), O(applied) as V(applied.json)
        and, after an apply, O(outputs) as V(outputs.json). Empty means that only what has a path of its own is written.
    type: path
    default: ""
  journal:
    description:
      - Where to write the journal of the run as JSON. Empty means nowhere.
      - Next to V(journal.json) it writes V(report.html), a page about the run that opens without a network, and in
        check mode V(plan.json) and V(plan.md), the plan for programs and for people. If the journal has another name,
        for example V(first.json), they are called V(first.report.html) and so on.
      - While the run goes on it is V(journal.jsonl), with a line for each call that has ended, and for each write
        before it is sent. A run that is killed leaves that behind; the next one says so, and the next apply turns it
        into V(cut-off-<time>.json) and a report. Where it cannot be written, nothing else is.
    type: path
    default: ""
  plan:
    description:
      - A plan, as C(plan.json) of an earlier run in check mode. If a call's first write differs from the plan, the call
        stops before it writes, and nothing new starts after it. Calls whose inputs did not exist yet may write
        anything.
      - It is refused for another account or Region than it was made for.
    type: path
    default: ""
  applied:
    description:
      - A JSON file with digests of the inputs of the last apply, written by an apply and read by a plan. A call that
        would write although its inputs have not changed is drift; without the file, nothing counts as drift. One that
        cannot be read
        is named, and nothing is drift until the next apply.
      - An apply asks what it has changed once more, without writing. Who wants to write again is not idempotent, and in
        later plans called so instead of drift.
    type: path
    default: ""
  outputs:
    description:
      - Anything to render after an apply, once every result exists; returned as RV(outputs).
      - Of a run that O(only) or tags limit, the entries that need what did not run are left out, with a warning.
    type: raw
    default: {}
attributes:
  check_mode:
    description: Plans exactly, without writing.
    support: full
  diff_mode:
    description:
      - A plan shows what a stopped write would replace, as far as the module has read it before, and what modules that
        do not use AWS report themselves.
    support: partial
"""

EXAMPLES = r"""
- name: Converge the roles of a system
  slipway.graph.converge:
    roles: [vpc, rds]

- name: Make only the load balancer and what it needs
  slipway.graph.converge:
    roles: [vpc, security_groups, rds, alb]
    only: [alb]

- name: Converge alone, and leave a record for everybody
  slipway.graph.converge:
    roles: [vpc, rds]
    directory: "runs/{{ inventory_hostname }}"
    lock: {table: locks}
    ledger: {bucket: deployments}

- name: Delete it all
  slipway.graph.converge:
    roles: [vpc, rds]
    state: absent
    confirm: "{{ confirm | default('') }}"
    confirm_protected: "{{ confirm_protected | default([]) }}"
"""

RETURN = r"""
calls:
  description: Every call in reading order; after a failure only those that failed. The journal contains all of them.
  returned: always
  type: list
  elements: dict
  contains:
    task:
      description: The task's name.
      type: str
    key:
      description: What identifies the call in another run.
      type: str
    role:
      description: Its role.
      type: str
    item:
      description: The label of its loop item.
      type: str
    location:
      description: File and line.
      type: str
    module:
      description: The module's full name.
      type: str
    status:
      description: One of V(ok), V(changed), V(planned), V(unknown), V(skipped), V(failed), V(blocked).
      type: str
    msg:
      description: Why it failed.
      type: str
    seconds:
      description: How long it took.
      type: float
    writes:
      description: In a plan, the writes that were stopped, with service, operation and parameters.
      type: list
      elements: dict
    unknown:
      description: In a plan, the registered names that are known only after the apply.
      type: list
      elements: str
    drift:
      description: In a plan, whether it would write although its inputs have not changed since the last apply.
      type: bool
    repeats:
      description:
        - Whether it is not idempotent. In a plan, that it would make the same write that it wanted to make again right
          after its own apply; after an apply, that it wants to.
      type: bool
    diff:
      description:
        - With C(--diff), what would change. Each entry has a C(name) and the values C(before) and C(after), as far as
          they are known; or C(prepared), the module's own text.
      type: list
      elements: dict
    reads:
      description: Whether the module never writes.
      type: bool
    api_calls:
      description: How many API calls it made.
      type: int
forgotten:
  description:
    - The keys of what earlier applies have made and no task knows any more, as far as O(applied) tells. It stays until
      M(slipway.graph.orphans) deletes it.
  returned: always, but empty with O(state=absent)
  type: list
  elements: str
summary:
  description: The number of calls by status.
  returned: always
  type: dict
cut_off:
  description: Journals of earlier runs that were cut off, which this run has made from what they had left behind.
  returned: after an apply
  type: list
  elements: path
drift_is_known:
  description:
    - Whether O(applied) or O(ledger) tells what was applied last, so that drift can be told from a change of inputs.
  returned: in check mode
  type: bool
outputs:
  description: O(outputs), rendered.
  returned: after a successful apply
  type: raw
"""
