"""Trains, evaluates and ships small image classifiers.

    python main.py --model_name=mixnet-s                       # on the embedded digits
    python main.py --model_name=mixnet-s --data_dir=/data/tf   # on TFRecords of yours
    python main.py --help

Exit codes: 0 done, 2 bad flags, 3 bad data, 4 NaN, 5 checkpoint mismatch, 6 another process of
the run was lost, 75 preempted and saved, 1 anything else.
"""

import functools
import gc
import os
import sys

from common import addresses, allocator, console, missing, postponed, signals

if __name__ == '__main__':
    console.own_streams()
    signals.install()       # before the slow imports
    missing.tell()

import flags

console.silence_import()

# Modes that gain from the allocator's other setting; training gains under TensorFlow 1.15 only,
# whose Python is 3.7.
EVALUATING = ('eval', 'predict')


def main(argv):
    """Flags -> Params -> network and inputs -> the mode. Returns the exit code."""
    # Modules and graphs are very many objects that stay: looking through them again and again is
    # a twentieth of the time to the first step.
    gc.set_threshold(50_000, 20, 100)
    given = flags.parse(argv)
    if given.value('mode') in EVALUATING or sys.version_info < (3, 8):
        allocator.keep_freed_blocks()
    postponed.postpone(functools.partial(prepare, given.value('verbose')))
    import models
    from estimator import mode_rules

    if given.value('mode') in mode_rules.WITHOUT_NETWORK:
        return run(None, flags.merge(given), None)
    network = models.get_network(given.value('model_name'))
    given = mode_rules.local_weights(network, given, folder_of(network, given))
    source = find_data(given)
    params = flags.merge(given, recipes(network, given, source))
    if not params.explain:
        source = source or must_find_data(params)
    inputs = functools.partial(
        open_inputs, params, source, preprocessing=network.preprocessing,
        image_size=network.image_size,
        native_classes=network.num_classes)
    if params.explain:
        console.say(flags.explain(params, *mode_rules.effective(network, params, inputs)))
        return 0
    return run(network, params, inputs)


def prepare(verbose):
    """What TensorFlow needs once it is imported."""
    import tensorflow.compat.v1 as tf
    from tensorflow.python.util import deprecation
    console.configure(verbose)
    # 1.15 asks at every operation whether an outdated argument was used.
    deprecation._PRINT_DEPRECATION_WARNINGS = verbose
    tf.disable_v2_behavior()
    tf.enable_resource_variables()
    gc.freeze()


def run(network, params, inputs):
    """Runs the mode; with the runner the import of TensorFlow begins, at the latest."""
    from estimator import mode_rules
    if params.mode in mode_rules.WITHOUT_TENSORFLOW:
        return mode_rules.WITHOUT_TENSORFLOW[params.mode](network, params, inputs)
    from estimator import runner
    return runner.run(network, params, inputs)


def find_data(given):
    """What input.find_data finds, in a mode that trains; what is wrong with it is told later."""
    from estimator import mode_rules
    from input import DataError
    from input import find_data as find
    try:
        return find(given.value) if given.value('mode') in mode_rules.LEARNING else None
    except DataError:
        return None


def must_find_data(params):
    """What input.find_data finds, in a mode that cannot do without; before TensorFlow's import.

    One of several processes looks when the others know of it, and hear what is wrong.
    """
    from estimator import mode_rules
    from estimator.devices.session import hosts_of
    from input import find_data as find
    alone = not hosts_of(params.device, params.hosts, params.host_index).addresses
    if alone and params.mode in mode_rules.LABELLED:
        return find(functools.partial(getattr, params))
    return None


def open_inputs(params, source, **of_network):
    """The input.Inputs of a run, or its input.Serving."""
    from estimator import mode_rules
    from input import Inputs, Serving
    if params.mode in mode_rules.SERVING:
        return Serving(params, **of_network)
    return Inputs(params, source=source, **of_network)


def folder_of(network, given):
    """--model_dir, or the one of a run that names none."""
    return given.value('model_dir') or os.path.join('result', network.name)


def recipes(network, given, source):
    """[(source, flags)] below the command line: the network's, the data set's, the mode's.

    source: input.find_data's.
    """
    from estimator import mode_rules
    from estimator.devices.session import find_device, hosts_of, use_only
    from input import dataset_recipes, images_of, usual_side
    from models.recipes import Data
    from models.recipes import default as default_recipe
    use_only(given.value('device_ids'))
    folder = folder_of(network, given)
    hosts = hosts_of(*map(given.value, ('device', 'hosts', 'host_index')))
    device = find_device(given.value('device'), given.value('num_devices'), hosts)
    batch = given.value('train_batch_size')
    data = Data(images_of(source, given), batch and batch * device.count,
                bool(given.value('init_checkpoint')), functools.partial(usual_side, source),
                given.value('train_epochs'))
    said, values = network.recipe_named(given.value('recipe'), device.count, data)
    fits = default_recipe(data)
    if given.value('recipe') == 'launcher' and fits:
        console.say(f'{said}, as the launchers take it; for {data.images:,} training images '
                    f'there is --recipe={fits}')
    if not given.value('recipe') and 'recipe' in values:
        console.say(f'{said}; --recipe={next(iter(network.recipes))} is the published one')
    rows = [('default', {'model_dir': folder}), (said.split(':')[0], values)]
    if given.value('mode') not in mode_rules.STANDALONE:
        rows += dataset_recipes(given, network.on_digits)
    return rows + mode_rules.mode_flags(network, given, folder)


def report(error):
    """Prints an error of ours without a stack trace; returns its exit code."""
    print(f'ERROR: {error}', file=sys.stderr, flush=True)
    return error.exit_code


if __name__ == '__main__':
    try:
        code = main(sys.argv)
    except Exception as error:  # pylint: disable=broad-except
        if not hasattr(error, 'exit_code'):
            raise
        code = report(error)
    signals.over()
    addresses.leave(code)
