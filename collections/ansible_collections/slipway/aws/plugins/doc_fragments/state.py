# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Documentation of the options that every module of slipway.aws has."""


class ModuleDocFragment:
    """Options that module_utils/resource.py adds by itself."""

    DOCUMENTATION = r"""
options:
  state:
    description: Whether the resource should exist.
    type: str
    choices: [present, absent]
    default: present
  wait:
    description: Return only once the resource is ready to use, or deleted.
    type: bool
    default: true
  wait_timeout:
    description: Seconds to wait before the task fails. The operation continues on AWS, and the next run picks it up.
    type: int
    default: 1800
requirements:
  - python >= 3.11
attributes:
  check_mode:
    description: Can run in check mode and report what it would change.
    support: full
  diff_mode:
    description: Shows what is changed, before and after.
    support: full
"""
