"""How hard tests try. `--hypothesis-profile` chooses, otherwise `ci` where CI is set, `quick` elsewhere.

Of a test with many cases the server store runs the first few: the cases are about the rest of the program, which does
not know the stores apart. `ENSUE_TEST_POSTGRES=all` runs them all there, too.
"""

import os
from collections import Counter

from hypothesis import settings

CASES = 2
ABOUT_STORES = ("tests/contract/", "tests/fault/", "tests/property/")

# No deadline: on two busy cores the slowest example says nothing about the code.
# A failure prints the blob that replays it, since CI keeps no example database.
settings.register_profile("quick", max_examples=25, deadline=None, print_blob=True)
settings.register_profile("ci", max_examples=100, deadline=None, derandomize=False, print_blob=True)
settings.register_profile("thorough", max_examples=2_000, deadline=None, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "quick")


def pytest_collection_modifyitems(config, items):
    if os.environ.get("ENSUE_TEST_POSTGRES") == "all":
        return
    seen: Counter[str] = Counter()
    kept: list[object] = []
    left_out: list[object] = []
    for item in items:
        name, _, case = item.nodeid.partition("[")
        of_server = "postgres" in case and not any(place in name for place in ABOUT_STORES)
        seen[name] += of_server
        (left_out if of_server and seen[name] > CASES else kept).append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept
