"""Rules 1 and 2: what real roles are written with gives what it gives in a play.

All cases run in two runs of Ansible, one as plays and one through the graph; what they leave behind is compared.
"""

from __future__ import annotations

import json
import re
import types
import typing as t

import pytest

from tests.support.playbook import Project

# Adds a line to a file in the case's folder, so that what runs twice shows. A module would take much longer.
SAY = """
from pathlib import Path
from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        with Path(self._templar.template(task_vars["folder"]), "said").open("a") as said:
            said.write(f"{self._task.args['words']}\\n")
        return {"changed": True}
"""


def say(words: str, **keywords: str) -> str:
    """A task that says something; keywords are YAML."""
    more = "".join(f"\n  {keyword}: {value}" for keyword, value in keywords.items())
    return f"- name: Say\n  say: {{words: {json.dumps(words)}}}{more}\n"


class Case(t.NamedTuple):
    """Files below ``roles``, and the roles that are listed; ``demo`` is the role."""

    files: dict[str, str]
    roles: t.Sequence[t.Any] = ("demo",)
    play: t.Mapping[str, t.Any] = types.MappingProxyType({})


def of(
    tasks: str,
    roles: t.Sequence[t.Any] = ("demo",),
    play: t.Mapping[str, t.Any] = types.MappingProxyType({}),
    texts: t.Mapping[str, str] = types.MappingProxyType({}),
    **files: str,
) -> Case:
    """A case; files of the role by name, ``__`` being a slash and ``_yml`` the ending, and ``texts`` by their own."""
    paths = {name: name.replace("__", "/").replace("_yml", ".yml").replace("_py", ".py") for name in files}
    named = {f"demo/{paths[name]}": text for name, text in files.items()}
    named |= {f"demo/files/{name}": text for name, text in texts.items()}
    return Case({"demo/tasks/main.yml": tasks, **named}, roles, play)


TOUCH = "ansible.builtin.file: {{path: '{{{{ folder }}}}/{}', state: touch, mode: '0600'}}"

RESULT = "- {name: Make, ansible.builtin.command: echo made, register: demo_made}\n"

CASES: dict[str, Case] = {
    "with_items is flattened once": of(
        say("{{ item }}", with_items="[[a, b], c, '{{ demo_more }}']")
        + "- {name: Touch, "
        + TOUCH.format("t{{ item }}")
        + ", with_items: [[1, 2], 3]}\n",
        defaults__main_yml="demo_more: [d, [e]]",
    ),
    "with_dict, with_sequence, with_nested, with_together": of(
        say("{{ item.key }}={{ item.value }}", with_dict="{a: 1, b: 2}")
        + "- {name: Touch, "
        + TOUCH.format("s{{ item }}")
        + ", with_sequence: start=1 end=3 format=%02d}\n"
        + "- {name: Touch, "
        + TOUCH.format("n{{ item[0] }}{{ item.1 }}")
        + ", with_nested: [[a, b], [c, d]]}\n"
        + say("{{ item }}", with_together="[[1, 2], [3, 4]]")
        + say("{{ item.0.name }}-{{ item.1 }}", with_subelements="['{{ demo_users }}', keys]"),
        defaults__main_yml="demo_users: [{name: ann, keys: [k1, k2]}, {name: ben, keys: [k3]}]",
    ),
    "with_fileglob and with_first_found find files of the role": of(
        say("{{ item | basename }}", with_fileglob="['*.txt']")
        + say("{{ item | basename }}", with_first_found="[nothing.txt, b.txt]"),
        texts={"a": "no", "b.txt": "b", "c.txt": "c"},
    ),
    "with_items over a result": of(
        "- {name: Make, ansible.builtin.command: printf '1 2', register: demo_made}\n"
        + "- {name: Touch, "
        + TOUCH.format("r{{ item }}")
        + ", with_items: '{{ demo_made.stdout.split() }}'}\n"
    ),
    "includes loop with with_items, with_nested, with_fileglob, with_dict and with_sequence": of(
        "- {include_tasks: one.yml, with_items: [[a], [b, c]]}\n"
        "- {include_tasks: one.yml, with_nested: [[1, 2], [3, 4]]}\n"
        "- {include_tasks: one.yml, with_fileglob: ['*.txt'], loop_control: {label: x}}\n"
        "- {include_tasks: one.yml, with_dict: {k: v}}\n"
        "- {include_tasks: one.yml, with_sequence: count=2}\n",
        tasks__one_yml=say("{{ (item | basename if item is string else item) | to_json }}"),
        texts={"b.txt": "b", "c.txt": "c"},
    ),
    "local_action and delegate_to this machine": of(
        "- {name: Old, local_action: {module: ansible.builtin.command, argv: [echo, old]}, register: demo_old}\n"
        + say("{{ demo_old.stdout }}", delegate_to="localhost")
        + say("there", delegate_to="127.0.0.1")
        + "- {name: Touch, "
        + TOUCH.format("t")
        + ", delegate_to: '{{ inventory_hostname }}'}\n"
        + "- name: Block\n  delegate_to: localhost\n  block:\n    - {name: Touch, "
        + TOUCH.format("u")
        + "}\n"
    ),
    "ignore_errors lets go on, with the result": of(
        "- {name: Fail, ansible.builtin.command: 'false', register: demo_failed, ignore_errors: true}\n"
        + say("{{ demo_failed is failed }} {{ demo_failed.rc }}")
        + "- {name: Fail, ansible.builtin.file: {path: /nowhere/none/x, state: touch, mode: '0600'},"
        " register: demo_file, ignore_errors: '{{ demo_lenient }}'}\n"
        + say("{{ demo_file.failed }} {{ demo_file.msg is defined }}")
        + "- {name: Loop, ansible.builtin.command: 'test {{ item }} = b', loop: [a, b], register: demo_loop,"
        " ignore_errors: true}\n"
        + say("{{ demo_loop.failed }} {{ demo_loop.results | map(attribute='failed') | join(',') }}")
        + "- {name: Undefined, ansible.builtin.file: {path: '{{ nothing_at_all }}', state: absent},"
        " ignore_errors: true, register: demo_undefined}\n"
        + say("{{ demo_undefined is failed }}", when="demo_undefined is failed")
        + "- {ansible.builtin.fail: {msg: never mind}, ignore_errors: true}\n"
        + "- {ansible.builtin.assert: {that: false}, ignore_errors: true}\n"
        + say("the end"),
        defaults__main_yml="demo_lenient: true",
    ),
    "ignore_errors of the play": of(
        "- {name: Fail, ansible.builtin.command: 'false'}\n" + say("went on"), play={"ignore_errors": True}
    ),
    "include_role and import_role with variables, tasks_from, a loop and a condition": Case(
        {
            "demo/tasks/main.yml": (
                "- {import_role: {name: other}, vars: {other_word: imported}}\n"
                "- {import_role: {name: other}, vars: {other_word: again}}\n"
                "- {include_role: {name: other}, vars: {other_word: included}}\n"
                "- {include_role: {name: other, tasks_from: more}, vars: {other_word: more}}\n"
                "- {include_role: {name: '{{ demo_role }}'}, loop: [x, y], vars: {other_word: '{{ item }}'}}\n"
                "- {include_role: {name: other}, when: false}\n"
                "- {include_role: {name: other, defaults_from: extra}}\n"
            ),
            "demo/defaults/main.yml": "demo_role: other",
            "other/defaults/main.yml": "other_word: default",
            "other/defaults/extra.yml": "other_word: extra",
            "other/tasks/main.yml": say("main {{ other_word }} {{ role_name }}"),
            "other/tasks/more.yml": say("more {{ other_word }}"),
            "other/meta/argument_specs.yml": "argument_specs: {main: {options: {other_word: {type: str}}}}",
        }
    ),
    "a dependency of two roles runs once": Case(
        {
            "a/tasks/main.yml": say("a"),
            "a/meta/main.yml": "dependencies: [common]",
            "b/tasks/main.yml": say("b {{ common_word }}"),
            "b/meta/main.yml": "dependencies: [common]",
            "common/tasks/main.yml": say("common"),
            "common/defaults/main.yml": "common_word: seen",
        },
        ["a", "b"],
    ),
    "a dependency with other parameters runs again, and one that allows it": Case(
        {
            "a/tasks/main.yml": say("a"),
            "a/meta/main.yml": "dependencies: [{role: common, vars: {common_word: one}}, always]",
            "b/tasks/main.yml": say("b"),
            "b/meta/main.yml": "dependencies: [{role: common, vars: {common_word: two}}, always]",
            "common/tasks/main.yml": say("{{ common_word }} {{ b_word | default('-') }}"),
            "always/tasks/main.yml": say("always"),
            "always/meta/main.yml": "allow_duplicates: true",
            "b/vars/main.yml": "b_word: of b",
        },
        ["a", "b"],
    ),
    "a dependency that did not run at first runs at last": Case(
        {
            "a/tasks/main.yml": say("a"),
            "a/meta/main.yml": "dependencies: [common]",
            "b/tasks/main.yml": say("b"),
            "b/meta/main.yml": "dependencies: [common]",
            "common/tasks/main.yml": say("common"),
        },
        [{"role": "a", "when": "demo_wanted | default(false)"}, "b"],
    ),
    "a role that is listed twice runs once, and with other variables twice": Case(
        {
            "demo/tasks/main.yml": say("{{ demo_word }}") + "- {include_tasks: more.yml}\n",
            "demo/tasks/more.yml": say("more {{ demo_word }}"),
            "demo/defaults/main.yml": "demo_word: default",
        },
        [
            "demo",
            "demo",
            {"role": "demo", "vars": {"demo_word": "one"}},
            {"role": "demo", "vars": {"demo_word": "two"}},
            {"role": "demo", "demo_word": "three"},
        ],
    ),
    "what is tagged never does not run, whatever includes and blocks it": of(
        say("never", tags="[never, teardown]")
        + say("always", tags="[always]")
        + "- {include_tasks: one.yml, tags: [never]}\n"
        + "- {import_tasks: one.yml, tags: [never]}\n"
        + "- {import_role: {name: demo, tasks_from: one}, tags: never}\n"
        + "- {include_role: {name: demo, tasks_from: one}, tags: never}\n"
        + "- {include_tasks: {file: one.yml, apply: {tags: [never]}}}\n"
        + "- {ansible.builtin.assert: {that: false}, tags: never}\n"
        + "- {include_vars: absent.yml, tags: never}\n"
        + "- tags: never\n  block:\n    - {name: Touch, "
        + TOUCH.format("t")
        + "}\n",
        tasks__one_yml=say("one"),
    ),
    "include_vars: before and after, over the role's and a task's variables, under facts": of(
        say("{{ demo_word }}")
        + "- {include_vars: words.yml}\n"
        + say("{{ demo_word }} {{ demo_other }}", vars="{demo_other: of the task}")
        + "- {ansible.builtin.set_fact: {demo_word: fact}}\n"
        + "- {include_vars: {file: words.yml}}\n"
        + say("{{ demo_word }}")
        + "- {include_vars: {file: words.yml, name: demo_named}}\n"
        + say("{{ demo_named.demo_word }} {{ demo_lazy }}")
        + "- {include_vars: {dir: many}}\n"
        + say("{{ demo_one }} {{ demo_two }}")
        + "- {include_vars: '{{ item }}', with_first_found: [{files: ['{{ demo_os }}', words.yml], paths: [vars]}]}\n"
        + "- {include_vars: absent.yml, when: demo_os == 'something'}\n"
        + "- {include_vars: absent.yml, ignore_errors: true}\n"
        + say("{{ demo_other }}"),
        defaults__main_yml="{demo_word: default, demo_os: none, demo_made: too early}",
        vars__main_yml="demo_other: of the role",
        vars__words_yml="{demo_word: included, demo_other: included too, demo_lazy: '{{ demo_word }}!'}",
        vars__many__one_yml="demo_one: 1",
        vars__many__two_yml="demo_two: 2",
    ),
    "include_vars of one role is seen by the next": Case(
        {
            "a/tasks/main.yml": "- {include_vars: words.yml}\n",
            "a/vars/words.yml": "b_word: of a",
            "b/tasks/main.yml": say("{{ b_word }}"),
            "b/defaults/main.yml": "b_word: of b",
        },
        ["a", "b"],
    ),
    "the variables of an include beat facts and results": of(
        "- {ansible.builtin.set_fact: {demo_word: fact, item: fact}}\n"
        "- {name: Make, ansible.builtin.command: echo made, register: demo_made}\n"
        "- {include_tasks: one.yml, vars: {demo_word: include, demo_made: {stdout: include}}}\n"
        "- {include_tasks: one.yml, loop: [round]}\n"
        "- {include_tasks: one.yml, loop: [other], loop_control: {loop_var: demo_word, extended: true}}\n"
        "- {import_tasks: one.yml, vars: {demo_word: import}}\n"
        "- {include_role: {name: demo, tasks_from: one}, vars: {demo_word: role}}\n",
        tasks__one_yml=say("{{ demo_word }} {{ item }} {{ demo_made.stdout }} {{ ansible_loop.first | default('-') }}")
        + "- {ansible.builtin.set_fact: {demo_word: inner}}\n"
        + say("{{ demo_word }}"),
    ),
    "the condition of an include is evaluated once": of(
        "- {include_tasks: one.yml, when: not (demo_ready | default(false))}\n"
        "- {include_tasks: one.yml, when: not demo_ready}\n"
        "- {include_tasks: one.yml, loop: [1, 2, 3], when: demo_count | int < item}\n"
        "- {include_role: {name: demo, tasks_from: two}, when: demo_ready}\n"
        "- {include_role: {name: demo, tasks_from: absent}, when: false}\n"
        "- {import_tasks: three.yml, when: not demo_flag | default(false)}\n",
        tasks__one_yml="- {ansible.builtin.set_fact: {demo_ready: true, demo_count: '{{ demo_count | int + 1 }}'}}\n"
        + say("{{ demo_count }}")
        + "- {include_tasks: two.yml, when: demo_count | int > 1}\n",
        tasks__two_yml="- {ansible.builtin.set_fact: {demo_ready: false}}\n" + say("two {{ item | default('-') }}"),
        tasks__three_yml="- {ansible.builtin.set_fact: {demo_flag: true}}\n" + say("not said"),
        defaults__main_yml="demo_count: 0",
    ),
    "apply of includes": of(
        "- {include_tasks: {file: one.yml, apply: {when: false}}}\n"
        "- {include_tasks: {file: one.yml, apply: {vars: {demo_word: applied}}}}\n"
        "- {include_role: {name: demo, tasks_from: one, apply: {when: demo_wanted}}}\n"
        "- {include_tasks: {file: fails.yml, apply: {ignore_errors: true}}, loop: [1, 2]}\n" + say("the end"),
        tasks__one_yml=say("{{ demo_word }}"),
        tasks__fails_yml="- {name: Fail, ansible.builtin.command: 'false'}\n",
        defaults__main_yml="{demo_word: default, demo_wanted: true}",
    ),
    "an always section runs after its block": of(
        "- name: Block\n  when: demo_wanted\n  ignore_errors: true\n  block:\n"
        "    - {name: Slow, ansible.builtin.shell: 'sleep 0.2; echo block >> {{ folder }}/block'}\n"
        "    - {name: Fail, ansible.builtin.command: 'false', register: demo_failed}\n"
        "    - {include_tasks: one.yml, loop: [1, 2]}\n"
        "  always:\n"
        "    - {name: Clean, say: {words: 'always {{ demo_failed.rc }}'}}\n"
        "    - {include_tasks: one.yml, vars: {item: 3}}\n" + say("the end"),
        tasks__one_yml=say("{{ item }}"),
        defaults__main_yml="demo_wanted: true",
    ),
    "loops that break, and know their neighbours": of(
        "- {name: Touch, " + TOUCH.format("b{{ item }}") + ", loop: [a, b, c], register: demo_touched,"
        " loop_control: {break_when: item == 'b'}}\n"
        + say("{{ demo_touched.results | map(attribute='item') | join }}")
        + "- {name: Find, ansible.builtin.find: {paths: '{{ folder }}', patterns: '{{ item }}'}, loop: [zz, ba, bb],"
        " loop_control: {break_when: demo_found.matched > 0}, register: demo_found}\n"
        + say("{{ demo_found.results | length }}")
        + "- {name: Link, "
        + TOUCH.format("{{ ansible_loop.previtem | default(9) }}{{ item }}{{ ansible_loop.nextitem | default(0) }}")
        + ", loop: [1, 2, 3], loop_control: {extended: true, pause: 0.05}}\n",
    ),
    "what is registered of tasks that do nothing": of(
        "- {name: None, ansible.builtin.debug: {}, loop: [], register: demo_none}\n"
        "- {name: Not, ansible.builtin.debug: {}, when: false, register: demo_not}\n"
        + say("{{ demo_none | to_json }}")
        + say("{{ demo_not | dict2items | rejectattr('key', 'match', '_ansible') | list | to_json }}"),
    ),
    "a task whose failures and changes are none": of(
        "- {name: Fail, ansible.builtin.command: 'false', register: demo_done,"
        " changed_when: false, failed_when: false}\n" + say("{{ demo_done.failed }} {{ demo_done.changed }}"),
    ),
    "a task that is tried in vain and has not failed by its own word": of(
        "- {name: Find, ansible.builtin.find: {paths: '{{ folder }}'}, register: demo_found,"
        " until: demo_found.matched > 5, retries: 2, delay: 0, failed_when: false}\n"
        + say("{{ demo_found.failed }} {{ demo_found.attempts }}")
        + "- {name: Try, ansible.builtin.command: 'false', register: demo_tried, until: demo_tried.rc == 0,"
        " retries: 1, delay: 0, failed_when: false, loop: [1, 2]}\n"
        + say("{{ demo_tried.failed }} {{ demo_tried.results | map(attribute='attempts') | join }}"),
    ),
    "items of a loop that write one file run one after the other": of(
        "- {name: Start, ansible.builtin.copy: {dest: '{{ folder }}/lines', content: '', mode: '0600'}}\n"
        "- {name: Add, ansible.builtin.lineinfile: {path: '{{ folder }}/lines', line: 'line {{ item }}'},"
        " loop: '{{ range(12) | list }}'}\n"
    ),
    "files of includes are looked for where Ansible looks": of(
        "- {include_tasks: \"{{ lookup('first_found', ['nope.yml', 'sub/one.yml']) }}\"}\n"
        "- {include_tasks: \"{{ lookup('first_found', {'files': [demo_os, 'two.yml'], 'paths': ['tasks']}) }}\"}\n"
        "- {include_tasks: '{{ item }}', with_first_found: [{files: ['{{ demo_os }}.yml', two.yml], paths: [tasks]}]}\n"
        "- {import_tasks: sub/one.yml}\n",
        tasks__sub__one_yml=say("one") + "- {include_tasks: beside.yml}\n- {include_tasks: ../two.yml}\n",
        tasks__sub__beside_yml=say("beside"),
        tasks__two_yml=say("two {{ lookup('file', 'a.txt') }}"),
        defaults__main_yml="demo_os: none",
        texts={"a.txt": "from the role"},
    ),
    "an include that includes itself a few times": of(
        "- {include_tasks: again.yml, vars: {demo_left: 3}}\n",
        tasks__again_yml=say("{{ demo_left }}")
        + "- {include_tasks: again.yml, vars: {demo_left: '{{ demo_from | int - 1 }}', demo_from: '{{ demo_left }}'},"
        " when: false}\n",
    ),
    "an assertion that looks at a file waits for it": of(
        say("made")
        + "- {ansible.builtin.assert: {that: (folder ~ '/said') is exists}}\n"
        + "- {ansible.builtin.assert: {that: \"demo_seen == 'made'\"}}\n",
        defaults__main_yml="demo_seen: \"{{ lookup('file', folder ~ '/said') }}\"",
    ),
    "harmless keywords and meta": of(
        "- {meta: flush_handlers}\n- {meta: noop}\n" + say("once", run_once="true", become="false", diff="false")
    ),
    "facts that the play has gathered": of(
        say("{{ ansible_facts.system }} {{ ansible_system }}"), play={"gather_facts": True}
    ),
    "what the play has set and read before": of(
        say("{{ demo_word }} {{ demo_other }}", vars="{demo_word: task, demo_other: task}"),
        play={"pre_tasks": [{"ansible.builtin.set_fact": {"demo_word": "fact"}}]},
    ),
}


def _plain(case: Case) -> dict[str, t.Any]:
    return {**case.play, "roles": list(case.roles)}


def _graph(case: Case) -> dict[str, t.Any]:
    return {**case.play, "tasks": [{"name": "Converge", "slipway.graph.converge": {"roles": list(case.roles)}}]}


def _left_behind(
    project: Project,
    way: t.Callable[[Case], dict[str, t.Any]],
    cases: t.Mapping[str, Case],
    hosts: t.Mapping[str, t.Mapping[str, t.Any]] | None = None,
    arguments: tuple[str, ...] = (),
) -> dict[str, dict[str, str]]:
    """What each case leaves behind. Each has a playbook and a host of its own, on which no other has set a fact."""
    names = {name: f"demo{number}" for number, name in enumerate(cases)}
    project.hosts = list(names.values())
    project.inventory(folder="{{ inventory_dir }}/left/{{ inventory_hostname }}")
    project.of_hosts = {names[name]: variables for name, variables in (hosts or {}).items()}
    for name, case in cases.items():
        (project.folder / "left" / names[name]).mkdir(parents=True)
        for file, text in case.files.items():
            path = project.folder / names[name] / "roles" / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    plugins = project.folder / "action_plugins"
    plugins.mkdir()
    (plugins / "say.py").write_text(SAY)
    project.environment["ANSIBLE_ACTION_PLUGINS"] = str(plugins)
    plays = {names[name]: {"hosts": names[name], **way(case)} for name, case in cases.items()}
    outcome = project.run_playbooks(plays, arguments)
    assert outcome.returncode == 0, outcome.output
    return {
        name: {path.name: path.read_text() for path in sorted((project.folder / "left" / host).iterdir())}
        for name, host in names.items()
    }


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """What the cases leave behind as plays."""
    return _left_behind(Project(tmp_path_factory.mktemp("plain")), _plain, CASES)


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """What the cases leave behind through the graph."""
    return _left_behind(Project(tmp_path_factory.mktemp("graph")), _graph, CASES)


@pytest.mark.parametrize("name", CASES)
def test_rule_02_what_a_role_is_written_with_gives_what_a_play_gives(
    plain: dict[str, dict[str, str]], graph: dict[str, dict[str, str]], name: str
) -> None:
    assert graph[name] == plain[name]


# What is left behind where something fails, and nobody ignores it.
FAILING: dict[str, Case] = {
    "an always section runs although its block has failed, and nothing behind it does": of(
        "- block:\n"
        "    - {name: First, say: {words: first}}\n"
        "    - {name: Fail, ansible.builtin.command: 'false', register: demo_failed}\n"
        "    - {name: Not reached, say: {words: not reached}}\n"
        "  always:\n"
        "    - {name: Clean, say: {words: 'clean {{ demo_failed.rc }} {{ demo_failed is failed }}'}}\n"
        "    - {include_tasks: one.yml}\n" + say("behind"),
        tasks__one_yml=say("one"),
    ),
    "an always section of a block that has not begun does not run": of(
        "- {name: Fail, ansible.builtin.command: 'false'}\n"
        "- block:\n"
        "    - {name: First, say: {words: first}}\n"
        "  always:\n"
        "    - {name: Clean, say: {words: clean}}\n"
    ),
    "always sections in blocks with always sections": of(
        "- block:\n"
        "    - block:\n"
        "        - {name: Fail, ansible.builtin.fail: {msg: no}}\n"
        "      always:\n"
        "        - {name: Inner, say: {words: inner}}\n"
        "    - {name: Not reached, say: {words: not reached}}\n"
        "  always:\n"
        "    - {name: Outer, say: {words: outer}}\n" + say("behind")
    ),
    "an always section that fails itself": of(
        "- block:\n"
        "    - {name: First, say: {words: first}}\n"
        "  always:\n"
        "    - {name: Fail, ansible.builtin.command: 'false'}\n"
        "    - {name: Not reached, say: {words: not reached}}\n" + say("behind")
    ),
    "a failed item fails the loop, whose other items run": of(
        "- {name: Try, ansible.builtin.command: 'test {{ item }} = b', loop: [a, b]}\n" + say("behind")
    ),
    "an include behind a failure is not followed": of(
        "- {ansible.builtin.set_fact: {demo_word: yes}}\n"
        "- {name: Fail, ansible.builtin.command: 'false'}\n"
        "- {include_tasks: one.yml, when: demo_word is defined}\n",
        tasks__one_yml=say("one"),
    ),
    "an include whose condition cannot be evaluated": of(
        "- {ansible.builtin.set_fact: {demo_word: yes}}\n"
        + say("before")
        + "- {include_tasks: one.yml, when: demo_word.no_such}\n",
        tasks__one_yml=say("one"),
    ),
    "ignore_errors that is false": of(
        "- {name: Fail, ansible.builtin.command: 'false', ignore_errors: '{{ demo_lenient }}'}\n" + say("behind"),
        defaults__main_yml="demo_lenient: false",
    ),
}


def _plain_and_go_on(case: Case) -> dict[str, t.Any]:
    roles = [{"ansible.builtin.import_role": {"name": role}} for role in case.roles]
    return {**case.play, "tasks": [{"block": roles, "rescue": [{"ansible.builtin.debug": {"msg": "failed"}}]}]}


def _graph_and_go_on(case: Case) -> dict[str, t.Any]:
    play = _graph(case)
    failed = {"ansible.builtin.assert": {"that": "converged is failed"}}
    return {**play, "tasks": [{**play["tasks"][0], "register": "converged", "ignore_errors": True}, failed]}


@pytest.fixture(scope="module")
def failures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, dict[str, str]]]:
    """What is left behind of what fails, by way."""
    ways = {"plain": _plain_and_go_on, "graph": _graph_and_go_on}
    return {name: _left_behind(Project(tmp_path_factory.mktemp(name)), way, FAILING) for name, way in ways.items()}


@pytest.mark.parametrize("name", FAILING)
def test_rule_05_what_fails_leaves_behind_what_a_play_leaves_behind(
    failures: dict[str, dict[str, dict[str, str]]], name: str
) -> None:
    assert failures["graph"][name] == failures["plain"][name]


# With `--tags foo --skip-tags bar`.
TAGGED: dict[str, Case] = {
    "tags of a dynamic include are its own": of(
        "- {include_tasks: one.yml, tags: [foo]}\n- {include_tasks: two.yml}\n",
        tasks__one_yml=say("in one") + say("foo in one", tags="foo") + say("always in one", tags="always"),
        tasks__two_yml=say("foo in two", tags="foo"),
    ),
    "tags of imports, apply, blocks and roles are those of what is in them": of(
        "- {import_tasks: one.yml, tags: foo}\n"
        "- {include_tasks: {file: one.yml, apply: {tags: foo}}, tags: foo}\n"
        "- {include_role: {name: demo, tasks_from: one, apply: {tags: [foo]}}, tags: always}\n"
        "- {include_role: {name: demo, tasks_from: one}, tags: foo}\n"
        "- {import_role: {name: demo, tasks_from: one}, tags: foo}\n"
        "- {tags: [foo], block: [{name: X, say: {words: block}}, {name: Y, say: {words: bar}, tags: bar}]}\n",
        tasks__one_yml=say("one"),
    ),
    "a role with tags": of(say("x"), roles=[{"role": "demo", "tags": ["foo"]}]),
    "never and a tag that is asked for": of(
        say("never and foo", tags="[never, foo]") + say("never", tags="never") + say("foo and bar", tags="[foo, bar]")
    ),
    "an assertion whose tags are not asked for": of(
        "- {ansible.builtin.assert: {that: false}, tags: [strict]}\n" + say("foo", tags="foo")
    ),
    "include_vars whose tags are not asked for": of(
        "- {include_vars: w.yml, tags: foo}\n- {include_vars: v.yml}\n" + say("{{ demo_a }} {{ demo_b }}", tags="foo"),
        defaults__main_yml="{demo_a: default, demo_b: default}",
        vars__w_yml="demo_a: included",
        vars__v_yml="demo_b: included",
    ),
    "a result that nobody registers": of(
        RESULT + say("{{ demo_made is defined }}", tags="foo") + "- {include_tasks: one.yml, tags: foo}\n",
        tasks__one_yml=say("{{ demo_made is defined }}", tags="foo"),
    ),
}


def _graph_whatever_the_tags(case: Case) -> dict[str, t.Any]:
    play = _graph(case)
    return {**play, "tasks": [{**play["tasks"][0], "tags": ["always"]}]}


@pytest.fixture(scope="module")
def tagged(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, dict[str, str]]]:
    """What is left behind of what the tags select, by way."""
    ways = {"plain": _plain, "graph": _graph_whatever_the_tags}
    arguments = ("--tags", "foo", "--skip-tags", "bar")
    return {
        name: _left_behind(Project(tmp_path_factory.mktemp(name)), way, TAGGED, arguments=arguments)
        for name, way in ways.items()
    }


@pytest.mark.parametrize("name", TAGGED)
def test_rule_02_tags_select_what_they_select_in_a_play(
    tagged: dict[str, dict[str, dict[str, str]]], name: str
) -> None:
    assert tagged["graph"][name] == tagged["plain"][name]


class Refused(t.NamedTuple):
    """A case, what is said of it, and the place that is named."""

    case: Case
    says: str
    place: str = "demo/tasks/main.yml:1"
    host: t.Mapping[str, t.Any] = types.MappingProxyType({})


TOUCHED = "- {name: Touch, " + TOUCH.format("t") + "}\n"
TOO_LATE = "cannot depend on what a task registers"

REFUSED: dict[str, Refused] = {
    "become of a task": Refused(of(say("x", become="true")), r"another user \(`become`\)"),
    "become of a block": Refused(
        of("- become: true\n  block:\n    - {name: X, say: {words: x}}\n"), "another user", "demo/tasks/main.yml:3"
    ),
    "become of a role": Refused(of(say("x"), roles=[{"role": "demo", "become": True}]), "another user"),
    "become of the play": Refused(of(TOUCHED, play={"become": True, "become_user": "nobody"}), "the play's `become`"),
    "become of the inventory": Refused(of(TOUCHED), "inventory's `ansible_become`", host={"ansible_become": True}),
    "become by apply": Refused(
        of("- {include_tasks: {file: one.yml, apply: {become: true}}}\n", tasks__one_yml=say("x")),
        "another user",
        "demo/tasks/one.yml:1",
    ),
    "a connection of the inventory": Refused(
        of(TOUCHED), "another machine.*`ansible_connection`", host={"ansible_connection": "ssh", "ansible_port": 9}
    ),
    "a host of which the inventory says nothing": Refused(
        of(TOUCHED), "another machine", host={"ansible_connection": None}
    ),
    "a connection of a task": Refused(
        of("- {name: Touch, " + TOUCH.format("t") + ", connection: ssh}\n"),
        r"another machine \(`connection`\)",
        host={"ansible_connection": None},
    ),
    "delegate_to another machine": Refused(of(say("x", delegate_to="web1")), "delegate_to: web1"),
    "delegate_to what a task registers": Refused(
        of(RESULT + say("x", delegate_to="'{{ demo_made.stdout }}'")), "demo_made", "demo/tasks/main.yml:2"
    ),
    "notify": Refused(
        of(say("x", notify="h"), handlers__main_yml="- {name: h, say: {words: h}}\n"), "`notify`.*handlers"
    ),
    "rescue": Refused(
        of("- block:\n    - {name: X, say: {words: x}}\n  rescue:\n    - {name: Y, say: {words: y}}\n"), "`rescue`"
    ),
    "async": Refused(of("- {name: X, ansible.builtin.command: echo x, async: 10, poll: 1}\n"), "`async`"),
    "any_errors_fatal": Refused(of(say("x", any_errors_fatal="true")), "`any_errors_fatal`"),
    "throttle": Refused(of(say("x", throttle="1")), "`throttle`"),
    "meta that ends a play": Refused(of("- {meta: end_play}\n"), "`meta: end_play`"),
    "add_host": Refused(of("- {add_host: {name: fresh}}\n"), "add_host.*inventory"),
    "group_by": Refused(of("- {group_by: {key: fresh}}\n"), "group_by.*inventory"),
    "setup": Refused(of(say("x") + "- {setup: }\n"), "setup.*facts", "demo/tasks/main.yml:3"),
    "a module of facts": Refused(of("- {service_facts: }\n"), "service_facts.*facts"),
    "a module of a role that returns facts": Refused(
        of("- {odd: }\n", library__odd_py="x = dict(ansible_facts={})"), "odd.*facts"
    ),
    "an include of a result": Refused(
        of(RESULT + "- {include_tasks: '{{ demo_made.stdout }}.yml'}\n"), TOO_LATE, "demo/tasks/main.yml:2"
    ),
    "a role of a result": Refused(
        of(RESULT + "- {include_role: {name: '{{ demo_made.stdout }}'}}\n"), TOO_LATE, "demo/tasks/main.yml:2"
    ),
    "a loop of includes over a result": Refused(
        of(RESULT + "- {include_tasks: one.yml, with_items: '{{ demo_made.stdout_lines }}'}\n"),
        TOO_LATE,
        "demo/tasks/main.yml:2",
    ),
    "include_vars of a result": Refused(
        of(RESULT + "- {include_vars: '{{ demo_made.stdout }}.yml'}\n"), TOO_LATE, "demo/tasks/main.yml:2"
    ),
    "include_vars on a condition over a result": Refused(
        of(RESULT + "- {include_vars: w.yml, when: demo_made is changed}\n", vars__w_yml="a: 1"),
        "include_vars is read before anything runs",
        "demo/tasks/main.yml:2",
    ),
    "include_vars in an include on a condition over a result": Refused(
        of(
            RESULT + "- {include_tasks: one.yml, when: demo_made is changed}\n",
            tasks__one_yml="- {include_vars: w.yml}\n",
            vars__w_yml="a: 1",
        ),
        "include_vars is read before anything runs",
        "demo/tasks/one.yml:1",
    ),
    "include_vars of a file that a task writes": Refused(
        of(
            "- {name: Write, ansible.builtin.copy: {dest: '{{ folder }}/w.yml', content: 'a: 1', mode: '0600'}}\n"
            "- {include_vars: '{{ folder }}/w.yml'}\n"
        ),
        "a task before it names",
        "demo/tasks/main.yml:2",
    ),
    "a file of tasks that a task writes": Refused(
        of(
            "- {name: Write, ansible.builtin.command: touch w.yml, args: {chdir: '{{ folder }}'}}\n"
            "- {include_tasks: '{{ folder }}/w.yml'}\n"
        ),
        "a task before it names",
        "demo/tasks/main.yml:2",
    ),
    "a file that is not there": Refused(of(say("x") + "- {include_tasks: absent.yml}\n"), "absent.yml", "main.yml:3"),
    "a role that is not there": Refused(
        of(say("x") + "- {include_role: {name: absent}}\n"), "role 'absent' was not found", "main.yml:3"
    ),
    "a role of the list that is not there": Refused(
        of(say("x"), roles=["absent"]), "role 'absent' was not found", "play.yml"
    ),
    "variables that are not there": Refused(
        of(say("x") + "- {include_vars: absent.yml}\n"), "absent.yml", "main.yml:3"
    ),
    "a module that is not there": Refused(of(say("x") + "- {no_such_module: }\n"), "no_such_module", "main.yml:3"),
    "an include that never ends": Refused(
        of("- {include_tasks: again.yml}\n", tasks__again_yml="- {include_tasks: again.yml}\n"),
        "includes itself without end",
        "demo/tasks/again.yml:1",
    ),
    "roles that depend on each other": Refused(
        Case(
            {
                "demo/meta/main.yml": "dependencies: [other]",
                "demo/tasks/main.yml": say("x"),
                "other/meta/main.yml": "dependencies: [demo]",
            }
        ),
        r"in a cycle:(.|\n)*demo/meta/main.yml:1: demo depends on other(.|\n)*other depends on demo",
        "other/meta/main.yml:1",
    ),
    "a loop over nothing": Refused(
        of(
            say("x") + "- {name: Touch, " + TOUCH.format("x") + ", loop: '{{ demo_nothing }}'}\n",
            defaults__main_yml="demo_nothing: ",
        ),
        "`loop` must be a list",
        "main.yml:3",
    ),
    "a loop over what is not there": Refused(
        of(say("x") + say("x", loop="'{{ demo_nothing }}'")), "demo_nothing", "main.yml:3"
    ),
    "retries that are no number": Refused(
        of(say("x") + say("x", retries="'{{ demo_many }}'", until="false"), defaults__main_yml="demo_many: many"),
        "`retries` must be a number",
        "main.yml:3",
    ),
    "retries that cannot be rendered": Refused(
        of(say("x") + say("x", retries="'{{ demo_many }}'", until="false")), "`retries`.*demo_many", "main.yml:3"
    ),
    "two faults at once": Refused(
        of(say("x", notify="h") + say("x", become="true")), r"main.yml:1.*`notify`(.|\n)*main.yml:4.*another user"
    ),
    "tasks that need each other": Refused(
        of(
            "- {name: One, say: {words: '{{ demo_two }}'}, register: demo_one, vars: {after: [demo_two]}}\n"
            "- {name: Two, say: {words: '{{ demo_one }}'}, register: demo_two}\n"
        ),
        "in a cycle(.|\n)*One.*main.yml:1(.|\n)*Two.*main.yml:2",
    ),
}


@pytest.fixture(scope="module")
def refusals(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What is said of each case that is refused; each has left nothing behind."""
    project = Project(tmp_path_factory.mktemp("refused"))
    keep = {"ansible.builtin.copy": {"content": "{{ refused.msg }}", "dest": "{{ folder }}.txt", "mode": "0600"},
            "vars": {"ansible_connection": "local", "ansible_become": False}}  # fmt: skip

    def play(case: Case) -> dict[str, t.Any]:
        converge = _graph(case)["tasks"][0]
        return {**case.play, "tasks": [{**converge, "register": "refused", "ignore_errors": True}, keep]}

    cases = {name: refused.case for name, refused in REFUSED.items()}
    left = _left_behind(project, play, cases, {name: refused.host for name, refused in REFUSED.items()})
    assert {name: files for name, files in left.items() if files} == {}
    return {
        name: (project.folder / "left" / f"{host}.txt").read_text()
        for host, name in zip(project.hosts, REFUSED, strict=True)
    }


@pytest.mark.parametrize("name", REFUSED)
def test_rule_02_what_a_graph_cannot_do_is_refused_before_anything_is_done(refusals: dict[str, str], name: str) -> None:
    assert re.search(REFUSED[name].says, refusals[name])
    assert REFUSED[name].place in refusals[name]


def test_rule_07_a_plan_cannot_tell_what_stands_behind_an_include_over_a_result(project: Project) -> None:
    project.role(
        "demo",
        RESULT
        + "- {include_tasks: more.yml, when: demo_made is changed}\n"
        + "- {include_tasks: more.yml, when: demo_made is changed and false}\n",
        more="- {name: Touch, ansible.builtin.file: {path: '{{ playbook_dir }}/x', state: touch, mode: '0600'}}\n",
    )
    planned = project.converge("demo", arguments=("--check",))
    assert planned.returncode == 0, planned.output
    assert planned.calls("unknown").count("Touch") == 2
    applied = project.converge("demo")
    assert applied.calls("changed").count("Touch") == 1
    assert applied.calls("skipped") == ["Touch"]


def test_rule_02_run_once_is_refused_where_several_hosts_have_graphs_of_their_own(project: Project) -> None:
    project.role("demo", "- {ansible.builtin.debug: {msg: x}, run_once: true}\n")
    project.hosts = ["one", "two"]
    refused = project.converge("demo")
    assert "main.yml:1: `run_once` is not supported here in a play of several hosts" in refused.output
