"""What main.py asks about the modes before one runs: all without TensorFlow."""

from estimator import announcement
from estimator.modes import evaluate_exported, import_weights, inspect, trained_network

TRAINING = ('train', 'train_and_eval')
# Modes whose recipe depends on the number of images.
LEARNING = TRAINING + ('lr_find',)
# Modes that read a data set with labels.
LABELLED = LEARNING + ('eval',)
# Modes that neither train nor evaluate, those of them that need no --model_name, and those whose
# images come without labels.
STANDALONE = ('inspect', 'predict', 'export', 'benchmark', 'compare', 'doctor', 'import')
WITHOUT_NETWORK = ('compare', 'doctor')
SERVING = ('predict', 'export')

# Below the command line: a recipe's length and batch are for a whole training run, not for this.
LR_FIND = {'train_steps': 100}
BENCHMARK = {'train_steps': 30, 'train_batch_size': 16, 'save_summary_steps': 0}


def effective(network, params, open_inputs):
    """What --explain adds to the flags; see announcement.effective."""
    with_data = params.mode in LEARNING or params.mode == 'benchmark'
    return announcement.effective(network, params, open_inputs if with_data else None)


def mode_flags(network, given, model_dir):
    """[(source, flags)] that a mode lays over the recipe; given: flags.Given."""
    mode = given.value('mode')
    return MODE_FLAGS[mode](network, given, model_dir) if mode in MODE_FLAGS else []


def _benchmark_flags(network, given, model_dir):
    """Synthetic images unless the command line names others."""
    del network, model_dir
    values = dict(BENCHMARK)
    if not (given.value('data_dir') or given.value('dataset')):
        values['dataset'] = 'synthetic'
    return [('defaults of --mode=benchmark', values)]


def _lr_find_flags(network, given, model_dir):
    return trained_network.inherited_flags(network, given, model_dir) + [
        ('defaults of --mode=lr_find', LR_FIND)]


MODE_FLAGS = {'eval': evaluate_exported.recorded_flags, 'predict': trained_network.recorded_flags,
              'export': trained_network.recorded_with_data, 'benchmark': _benchmark_flags,
              'import': import_weights.needed_flags, 'train': trained_network.inherited_flags,
              'train_and_eval': trained_network.inherited_flags, 'lr_find': _lr_find_flags}
WITHOUT_TENSORFLOW = {'inspect': inspect.run}
local_weights = import_weights.local_weights
