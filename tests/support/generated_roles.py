"""Roles made at random: loops, includes, blocks, results through variables, facts, commands, files, and things on AWS.

Each is one that a play runs without a failure. What it leaves behind carries its name, so that many share one account.
"""

from __future__ import annotations

import copy
import dataclasses
import json
import random
import typing as t

import yaml

Task = dict[str, t.Any]


@dataclasses.dataclass
class Role:
    """Its tasks, its defaults, and the task files that it includes."""

    seed: int
    tasks: list[Task]
    defaults: dict[str, str]
    files: dict[str, list[Task]]

    @property
    def name(self) -> str:
        """Of the role, and how all that it makes begins."""
        return f"made{self.seed}"

    def written(self) -> dict[str, str]:
        """Its files by path."""
        named = {f"tasks/{name}": tasks for name, tasks in self.files.items()}
        contents: dict[str, t.Any] = {"tasks/main.yml": self.tasks, "defaults/main.yml": self.defaults, **named}
        return {path: yaml.safe_dump(content, sort_keys=False) for path, content in contents.items()}

    def smaller(self) -> list[Role]:
        """The same role without one of its tasks, for each of them, those inside of blocks and files included."""
        lists = _lists_of(self.tasks) + [each for tasks in self.files.values() for each in _lists_of(tasks)]
        found = []
        for number, tasks in enumerate(lists):
            for position in range(len(tasks)):
                role = copy.deepcopy(self)
                mirrored = _lists_of(role.tasks) + [each for own in role.files.values() for each in _lists_of(own)]
                del mirrored[number][position]
                if mirrored[number] or number == 0:
                    found.append(role)
        return found


def _lists_of(tasks: list[Task]) -> list[list[Task]]:
    return [tasks, *(each for task in tasks if "block" in task for each in _lists_of(task["block"]))]


def make(seed: int) -> Role:
    """The role of a seed."""
    return _Maker(seed).role()


class _Maker:
    """Draws one role."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)  # noqa: S311 - a failure must be repeatable
        self._seed = seed
        self._folder = f"{{{{ playbook_dir }}}}/left/made{seed}"
        self._names = 0
        # Expressions that may be read from here on.
        self._known = ["'plain'", "inventory_hostname"]
        self._defaults: dict[str, str] = {}
        self._files: dict[str, list[Task]] = {}
        self._buckets: list[str] = []

    def role(self) -> Role:
        """Some tasks; of one role in twelve some are of AWS, which cost a play a second each, and modules are rare."""
        kinds = [self._note] * 12 + [self._fact] * 8 + [self._block] * 4 + [self._include] * 4 + [self._alias] * 4
        kinds += [self._guard] * 2 + [self._command, self._file]
        cloud = [self._topic] * 4 + [self._bucket] * 3 + [self._object] * 4 + [self._listed] * 2
        cloud += [self._moved, self._identity, self._identity]
        tasks: list[Task] = []
        for _number in range(self._chance.randint(3, 7)):
            tasks += self._chance.choice(kinds)()
        if self._chance.random() < 1 / 12:
            # From the end, so that what is made first stands first.
            made = [self._chance.choice(cloud)() for _number in range(self._chance.randint(2, 3))]
            places = sorted(self._chance.choice([self._chance.randint(0, len(tasks)), len(tasks)]) for _each in made)
            for place, some in reversed(list(zip(places, made, strict=True))):
                tasks[place:place] = some
        tasks += [self._noted(self._chance.choice(self._known))]
        return Role(self._seed, tasks, self._defaults, self._files)

    def _name(self, kind: str) -> str:
        self._names += 1
        return f"made{self._seed}_{kind}{self._names}"

    def _value(self) -> str:
        return self._chance.choice(self._known[-6:] + self._known[:2])

    def _text(self) -> str:
        return "{{ " + self._value() + " }}"

    def _noted(self, expression: str, **more: t.Any) -> Task:
        number = self._name("note")
        line = number + " {{ " + expression + " }}"
        return {"name": f"Note {number}", "note": {"line": line, "to": f"{self._folder}/log"}, **more}

    def _note(self) -> list[Task]:
        register = self._name("result")
        if self._chance.random() < 0.3:
            task = self._noted("item", loop=["a", self._text(), "c"], register=register)
            self._known.append(f"{register}.results | map(attribute='line', default='none') | join('+') | hash('md5')")
        else:
            task = self._noted(self._value(), register=register)
            if self._chance.random() < 0.3:
                task["when"] = f"({self._value()}) | string | length is divisibleby 2"
            self._known.append(f"{register}.line | default('skipped') | hash('md5')")
        return [task]

    def _fact(self) -> list[Task]:
        name = self._name("fact")
        if self._chance.random() < 0.2:
            task: Task = {"ansible.builtin.set_fact": {f"{name}_{{{{ item }}}}": self._text()}, "loop": ["x", "y"]}
            self._known += [f"{name}_x", f"{name}_y"]
        else:
            task = {"ansible.builtin.set_fact": {name: self._text() + "-" + self._text()}}
            self._known.append(name)
        return [{"name": f"Set {name}", **task}]

    def _alias(self) -> list[Task]:
        name = self._name("alias")
        self._defaults[name] = self._text()
        self._known.append(self._chance.choice([name, f"vars['{name}']", f"lookup('vars', '{name}')"]))
        return []

    def _block(self) -> list[Task]:
        name = self._name("inner")
        block: Task = {"name": f"Block {name}", "vars": {name: self._text()}}
        if self._chance.random() < 0.4:
            block["when"] = f"({self._value()}) | string | length is divisibleby 2"
        inside = [task for _number in range(self._chance.randint(1, 3)) for task in self._note()]
        block["block"] = inside
        inside.append(self._noted(name))
        return [block]

    def _include(self) -> list[Task]:
        file = self._name("part") + ".yml"
        self._files[file] = [self._noted("item"), self._noted(self._value())]
        task: Task = {"name": f"Include {file}", "ansible.builtin.include_tasks": file, "loop": ["one", "two"]}
        if self._chance.random() < 0.3:
            del task["loop"]
            task["vars"] = {"item": "given"}
        return [task]

    def _guard(self) -> list[Task]:
        name = self._name("guard")
        if self._chance.random() < 0.5:
            return [{"name": f"Hold {name}", "ansible.builtin.assert": {"that": [f"({self._value()}) is defined"]}}]
        task = {"ansible.builtin.fail": {"msg": "no"}, "when": f"({self._value()}) | string is search('never')"}
        return [{"name": f"Fail {name}", **task}]

    def _command(self) -> list[Task]:
        register, command = self._name("asked"), f"echo {self._text()}"
        self._known.append(f"{register}.stdout")
        return [{"name": f"Ask {register}", "ansible.builtin.command": command, "register": register}]

    def _file(self) -> list[Task]:
        name = self._name("file")
        path = f"{self._folder}/{name}"
        written: Task = {
            "name": f"Write {name}",
            "ansible.builtin.copy": {"content": self._text(), "dest": path, "mode": "0600"},
        }
        read = self._noted(f"lookup('file', playbook_dir ~ '/left/made{self._seed}/{name}')")
        removed: Task = {"name": f"Remove {name}", "ansible.builtin.file": {"path": path, "state": "absent"}}
        return [written, read, *([removed] if self._chance.random() < 0.4 else [])]

    # On AWS

    def _own(self, kind: str) -> str:
        return f"made{self._seed}-{kind}{self._chance.randint(1, 2)}"

    def _topic(self) -> list[Task]:
        register = self._name("topic")
        name, state = self._own("topic"), "absent" if self._chance.random() < 0.3 else "present"
        if self._chance.random() < 0.3:
            topic = {"name": f"made{self._seed}-{{{{ item }}}}", "state": state}
            return [{"name": f"Topics {register}", "community.aws.sns_topic": topic, "loop": ["topic1", "topic3"]}]
        return [{"name": f"Topic {register}", "community.aws.sns_topic": {"name": name, "state": state}}]

    def _bucket(self) -> list[Task]:
        name = self._own("bucket")
        if name in self._buckets and self._chance.random() < 0.4:
            self._buckets.remove(name)
            gone = {"name": name, "state": "absent", "force": True}
            return [{"name": f"Remove {name}", "amazon.aws.s3_bucket": gone}]
        self._buckets.append(name)
        return [{"name": f"Bucket {name}", "amazon.aws.s3_bucket": {"name": name}}]

    def _object(self) -> list[Task]:
        made = [] if self._buckets else self._bucket()
        put = {
            "bucket": self._chance.choice(self._buckets), "object": f"o{self._chance.randint(1, 3)}",
            "content": "x", "mode": "put",
        }  # fmt: skip
        return [*made, {"name": self._name("put"), "amazon.aws.s3_object": put}]

    def _listed(self) -> list[Task]:
        made = [] if self._buckets else self._object()
        register = self._name("listed")
        listed = {"bucket_name": self._chance.choice(self._buckets)}
        return [
            *made,
            {"name": f"List {register}", "amazon.aws.s3_object_info": listed, "register": register},
            self._noted(f"{register}.s3_keys | default([]) | sort | join(',')"),
        ]

    def _moved(self) -> list[Task]:
        made = [] if self._buckets else self._object()
        bucket, register = self._chance.choice(self._buckets), self._name("listed")
        return [
            *made,
            {"name": register, "amazon.aws.s3_object_info": {"bucket_name": bucket}, "register": register},
            {
                "name": f"Copy {register}", "loop": f"{{{{ {register}.s3_keys | default([]) }}}}",
                "amazon.aws.s3_object": {
                    "bucket": bucket, "object": "copy-{{ item }}", "mode": "copy",
                    "copy_src": {"bucket": bucket, "object": "{{ item }}"},
                },
            },
            {
                "name": f"Remove {register}", "loop": f"{{{{ {register}.s3_keys | default([]) }}}}",
                "amazon.aws.s3_object": {"bucket": bucket, "object": "{{ item }}", "mode": "delobj"},
            },
        ]  # fmt: skip

    def _identity(self) -> list[Task]:
        name = self._own("role")
        trust = '{"Version": "2012-10-17", "Statement": []}'
        made: Task = {
            "name": f"Role {name}",
            "amazon.aws.iam_role": {"name": name, "assume_role_policy_document": trust},
        }
        allowed = {"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}
        policy = {
            "iam_type": "role", "iam_name": name, "policy_name": self._own("policy"),
            "policy_json": json.dumps({"Version": "2012-10-17", "Statement": [allowed]}),
        }  # fmt: skip
        given: Task = {"name": f"Policy {name}", "amazon.aws.iam_policy": policy}
        return [made, given]
