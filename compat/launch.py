"""An original's template launcher: python -m compat.launch BASE CASE SIZE NETWORK DEFAULTS WORDS...

BASE: folder of the results; CASE and SIZE as in launchers.launch; NETWORK: the name the original's
files carry; DEFAULTS: JSON of flags below the command line.
"""

import json
import sys

from launchers import launch


def main(argv):
    """Returns the exit code of the training."""
    base, case, size, network, defaults = argv[1:6]
    return launch.run(launch.Launch(case, int(size), json.loads(defaults), network, base), argv[6:])


if __name__ == '__main__':
    sys.exit(main(sys.argv))
