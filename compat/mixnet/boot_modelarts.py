"""MIXNET_ID2072_for_TensorFlow: boot_modelarts.py --data_url=ADDRESS --train_url=ADDRESS [flags].

Data are copied to --modelarts_data_dir; its folder ILSVRC2012, where there is one, is trained on;
checkpoints and logs go to its folder result_mix and are copied to --train_url.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..'))

from compat import entry, modelarts
from compat.mixnet.mnasnet_main import DEFAULTS

CACHE = '/cache/data_url'


def run(argv):
    """argv as sys.argv; returns the exit code."""
    return entry.run(argv, DEFAULTS, around=around)


def around(given, defaults, start):
    """Copies in, trains, copies out."""
    cache = given.pop('modelarts_data_dir', CACHE)
    results = os.path.join(cache, 'result_mix')
    places = modelarts.Places(given.pop('data_url', None), cache, given.pop('train_url', None),
                              results)
    with modelarts.staged(places):
        inside = os.path.join(cache, 'ILSVRC2012')
        return start(given, dict(defaults, data_dir=inside if os.path.isdir(inside) else cache,
                                 model_dir=results))


if __name__ == '__main__':
    sys.exit(run(sys.argv))
