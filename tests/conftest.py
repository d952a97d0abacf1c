"""How hard Hypothesis tries: `--hypothesis-profile` chooses, otherwise `ci` where CI is set, `quick` elsewhere."""

import os

from hypothesis import settings

# No deadline: on two busy cores the slowest example says nothing about the code.
# A failure prints the blob that replays it, since CI keeps no example database.
settings.register_profile("quick", max_examples=25, deadline=None, print_blob=True)
settings.register_profile("ci", max_examples=100, deadline=None, derandomize=False, print_blob=True)
settings.register_profile("thorough", max_examples=2_000, deadline=None, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "quick")
