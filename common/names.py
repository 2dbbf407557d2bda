"""Names that were probably meant."""

import difflib


def nearest(name, names, count=1, cutoff=0.6):
    """Up to `count` of the names that look most like `name`, best first."""
    return difflib.get_close_matches(str(name).lower(), list(names), count, cutoff)
