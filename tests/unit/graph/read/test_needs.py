"""Rule 3: what a template reaches, without rendering it."""

from __future__ import annotations

import pytest

from ansible_collections.slipway.graph.plugins.plugin_utils.read.needs import (
    ANYTHING,
    FILE,
    FILES,
    Reach,
    template_names,
    value_names,
)
from tests.support.playbook import Project


@pytest.mark.parametrize(
    ("template", "names"),
    [
        ("{{ vpc.vpc.id }}", {"vpc"}),
        ("{{ subnets.results | map(attribute='subnet.id') | list }}", {"subnets"}),
        ("{% for s in subnets %}{{ s }}{{ zone }}{% endfor %}", {"subnets", "zone"}),
        ("{{ vars['vpc'] }}", {"vars", "vpc"}),
        ("{{ hostvars[inventory_hostname].vpc }}", {"hostvars", "inventory_hostname", "vpc"}),
        ("{{ lookup('vars', 'vpc') }}", {"lookup", "vpc"}),
        ("{{ lookup('ansible.builtin.vars', name) }}", {"lookup", "name", ANYTHING}),
        ("{{ lookup('vars', 'vpc' ~ '_result') }}", {"lookup", "vpc_result"}),
        ("{{ lookup('vars', 'VPC' | lower) }}", {"lookup", ANYTHING}),
        ("{{ vars['VPC' | lower] }}", {"vars", ANYTHING}),
        ("{% set vpc = subnets %}{{ vpc }}", {"subnets"}),
        ("{% if zone %}{{ vpc }}{% endif %}", {"zone", "vpc"}),
        ("{{ range(count) }}", {"count"}),
        ("{{ lookup('varnames', '^vpc_') }}", {"lookup", ANYTHING}),
        ("{{ lookup(plugin, 'vpc') }}", {"lookup", "plugin", ANYTHING}),
        ("{{ vars[name] }}", {"vars", "name", ANYTHING}),
        ("{{ vars.get('vpc') }}", {"vars", ANYTHING}),
        ("{{ names | map('extract', vars) }}", {"names", "vars", ANYTHING}),
        ("{{ hostvars[inventory_hostname] | dict2items }}", {"hostvars", "inventory_hostname", ANYTHING}),
        ("{{ hostvars['me'].vpc }}", {"hostvars", "vpc"}),
        ("{{ lookup('template', 'policy.json.j2') }}", {"lookup", FILES, f"{FILE}policy.json.j2"}),
        ("{{ lookup('ansible.builtin.template', file) }}", {"lookup", FILES, "file", ANYTHING}),
        ("{% include 'part.j2' %}", {f"{FILE}part.j2"}),
        ("{% include ['one.j2', 'two.j2'] %}", {f"{FILE}one.j2", f"{FILE}two.j2"}),
        ("plain text", set()),
        ("{{ broken", set()),
    ],
)
def test_rule_03_names_of_a_template(template: str, names: set[str]) -> None:
    assert template_names(template) == names


def test_rule_03_names_anywhere_inside_a_value() -> None:
    value = {"a": ["{{ one }}", {"{{ two }}": 3}], "b": ("{{ three }}",)}
    assert value_names(value) == {"one", "two", "three"}


def test_rule_03_reaches_through_other_variables() -> None:
    variables = {"subnet_ids": "{{ output }}", "output": "{{ subnets.results }}", "unrelated": "{{ other }}"}
    assert Reach(variables, {"subnets", "other"}).of({"subnet_ids"}) == {"subnets"}


def test_rule_03_a_variable_that_refers_to_itself_ends() -> None:
    assert Reach({"a": "{{ b }}", "b": "{{ a }} {{ vpc }}"}, {"vpc"}).of({"a"}) == {"vpc"}


def test_rule_03_a_result_hides_a_variable_of_its_name() -> None:
    assert Reach({"vpc": "{{ other }}"}, {"vpc", "other"}).of({"vpc"}) == {"vpc"}


def test_rule_03_reaches_through_template_files() -> None:
    files = {"policy.j2": "{% include 'part.j2' %}", "part.j2": "{{ bucket_arn }} {% include 'policy.j2' %}"}
    reach = Reach(
        {"bucket_arn": "{{ bucket.arn }}", "policy": "{{ lookup('template', 'policy.j2') }}"}, {"bucket"}, files.get
    )
    assert reach.of({"policy"}) == {"bucket"}


def test_rule_03_a_file_that_is_not_there_reaches_nothing() -> None:
    assert Reach({}, {"bucket"}).of({f"{FILE}missing.j2"}) == set()


def test_rule_03_a_fact_whose_name_is_a_template_may_be_any_variable() -> None:
    reach = Reach({"plain": "text"}, {"{{ item.key }}", "bucket"})
    assert reach.of({"plain"}) == {"{{ item.key }}"}
    assert reach.of({"bucket"}) == {"{{ item.key }}", "bucket"}


SLOW = "ansible.builtin.shell: sleep 0.3; echo"
# The commands say that they keep no place, so that only what is read can make others wait.
# Each reads a result in a way that no argument shows; ``seen`` is what it has read.
HIDDEN: dict[str, tuple[str, str]] = {
    "a template file": ("seen: \"{{ lookup('template', 'reads.j2') }}\"", "yes"),
    "a template file by way of a variable": ('seen: "{{ asks_policy }}"', "yes"),
    "all variables by name": ("seen: \"{{ vars['asks_answer'].stdout }}\"", "yes"),
    "all variables, extracted": ("seen: \"{{ (['asks_answer'] | map('extract', vars) | first).stdout }}\"", "yes"),
    "the host's variables": ('seen: "{{ hostvars[inventory_hostname].asks_answer.stdout }}"', "yes"),
    "the host's variables by its name": ("seen: \"{{ hostvars['demo-test']['asks_answer']['stdout'] }}\"", "yes"),
    "a pattern of names": ("seen: \"{{ q('varnames', '^asks_answ') | length }}\"", "1"),
    "a fact whose name was made": ('seen: "{{ asks_made }}"', "no"),
}


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What each hidden way has read, all in one run."""
    project = Project(tmp_path_factory.mktemp("hidden"))
    facts = "\n".join(
        f"- name: Read {number}\n  ansible.builtin.set_fact:\n    {line.replace('seen', f'asks_seen_{number}', 1)}"
        for number, (line, _expected) in enumerate(HIDDEN.values())
    )
    project.role(
        "asks",
        f"""
- {{name: Ask, {SLOW} yes, register: asks_answer, vars: {{after: []}}}}
- {{name: Ask again, {SLOW} no, register: asks_other, vars: {{after: []}}}}
- name: Make a fact
  ansible.builtin.set_fact:
    "asks_{{{{ item }}}}": "{{{{ asks_other.stdout }}}}"
  loop: [made]
{facts}
""",
        defaults="asks_policy: \"{{ lookup('template', 'reads.j2') }}\"\nasks_made: default\n",
    )
    templates = project.folder / "roles/asks/templates"
    templates.mkdir()
    (templates / "reads.j2").write_text("{{ asks_answer.stdout }}")
    outputs = {way: f"{{{{ asks_seen_{number} }}}}" for number, way in enumerate(HIDDEN)}
    read = project.converge("asks", outputs=outputs)
    assert read.returncode == 0, read.output
    return {way: str(value) for way, value in read.result["outputs"].items()}


@pytest.mark.parametrize("way", HIDDEN)
def test_rule_03_a_result_that_is_read_in_a_hidden_way_is_waited_for(seen: dict[str, str], way: str) -> None:
    assert seen[way] == HIDDEN[way][1]


def test_rule_03_what_an_assertion_claims_and_debug_shows_is_needed(project: Project) -> None:
    project.role(
        "asks",
        """
- name: Ask
  ansible.builtin.shell: sleep 0.5; echo yes
  register: asks_answer
- name: Check
  ansible.builtin.assert: {that: [asks_answer.stdout == 'yes']}
- name: Check in short
  ansible.builtin.assert: {that: asks_answer is defined}
- name: Show
  ansible.builtin.debug: {var: asks_answer.stdout}
""",
    )
    asked = project.converge("asks")
    assert asked.returncode == 0, asked.output
    assert "is undefined" not in asked.output
