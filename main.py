"""Trains, evaluates and ships small image classifiers.

    python main.py --model_name=mixnet-s                       # on the embedded digits
    python main.py --model_name=mixnet-s --data_dir=/data/tf   # on TFRecords of yours
    python main.py --help

Exit codes: 0 done, 2 bad flags, 3 bad data, 4 NaN, 5 checkpoint mismatch, 75 preempted and saved,
1 anything else.
"""

import functools
import os
import sys

import flags
from common import console

console.silence_import()


def main(argv):
    """Flags -> Params -> network and inputs -> the mode. Returns the exit code."""
    given = flags.parse(argv)
    first = flags.merge(given)
    import tensorflow.compat.v1 as tf
    console.configure(first.verbose)
    tf.disable_v2_behavior()
    tf.enable_resource_variables()
    import models
    from estimator import runner
    from estimator.devices import session
    from input import Inputs, Serving, dataset_recipes

    try:
        network = models.get_network(first.model_name)
        devices = session.find_device(first).count if first.recipe == 'launcher' else 1
        recipe = network.recipe_named(first.recipe, devices)
    except ValueError as error:
        raise flags.FlagError(str(error))
    first = first._replace(model_dir=first.model_dir or os.path.join('result', network.name))
    data_set = dataset_recipes(first, network.on_digits)
    params = flags.merge(given, [recipe] + runner.layers(network, first, data_set))
    if params.explain:
        print(flags.explain(params))
        return 0
    if params.model_dir is None:
        params = params._replace(model_dir=first.model_dir)
    inputs = functools.partial(
        Serving if params.mode in runner.SERVING else Inputs, params,
        preprocessing=network.preprocessing, image_size=network.image_size,
        native_classes=network.num_classes)
    return runner.run(network, params, inputs)


def report(error):
    """Prints an error of ours without a stack trace; returns its exit code."""
    print(f'ERROR: {error}', file=sys.stderr, flush=True)
    return error.exit_code


if __name__ == '__main__':
    try:
        sys.exit(main(sys.argv))
    except Exception as error:  # pylint: disable=broad-except
        if not hasattr(error, 'exit_code'):
            raise
        sys.exit(report(error))
