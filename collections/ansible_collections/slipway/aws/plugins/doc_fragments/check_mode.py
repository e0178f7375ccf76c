# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Documentation of how modules behave in check mode that are no resource with a state."""


class ModuleDocFragment:
    """C(slipway.aws.check_mode) for modules that change something, C(slipway.aws.check_mode.reads) for the others."""

    DOCUMENTATION = r"""
requirements:
  - python >= 3.11
attributes:
  check_mode:
    description: Can run in check mode and report what it would change.
    support: full
"""

    READS = r"""
requirements:
  - python >= 3.11
attributes:
  check_mode:
    description: Does the same in check mode, because it never changes anything.
    support: full
"""
