"""A trained network to be used: its flags, checkpoint, weights and class names."""

import collections
import functools
import os

import tensorflow.compat.v1 as tf

from common import labels_file, storage
from common.console import say, warn
from common.errors import CheckpointError
from common.files import read_record
from estimator import mirror
from estimator import run as run_lib
from estimator.checkpoints import finding, variants
from estimator.checkpoints import reading as checkpoints
from estimator.devices import precision as precision_lib
from estimator.devices import session as session_lib

# Flags besides the network's own arguments that a trained network is bound to; the batch tells
# how many examples its steps have seen, smoothing and decay are part of the loss.
BINDING = ('input_image_size', 'preprocessing_name', 'use_grayscale', 'num_label_classes',
           'train_batch_size', 'gradient_accumulation_steps', 'pixel_mean', 'pixel_std',
           'label_smoothing', 'label_smoothing_style', 'weight_decay', 'weight_decay_on')
# Arguments of a network that say nothing about its weights.
OF_TRAINING = ('dropout_rate', 'survival_prob', 'batch_norm_momentum', 'batch_norm_statistics',
               'data_format')
# Where the images of a training are.
DATA = ('data_dir', 'dataset', 'train_split', 'eval_split', 'holdout', 'holdout_shards',
        'label_offset')
# How the images of imported weights were prepared.
IMAGES = ('preprocessing_name', 'pixel_mean', 'pixel_std', 'input_image_size')


class Trained(collections.namedtuple(
        'Trained', ['network', 'params', 'arguments', 'prefix', 'weights', 'class_names', 'size'])):
    """What `find` found.

    arguments: of network.build, with the variant of the checkpoint; prefix: of the checkpoint;
    weights: 'ema' or 'raw'; class_names: list aligned with the classes, or None; size: image side
    in pixels.
    """

    __slots__ = ()

    @property
    def num_classes(self):
        """Width of the logits."""
        return self.arguments['num_classes']


def recorded_flags(network, given, model_dir):
    """[(source, flags)] a network was trained with, from the params.json beside its checkpoint."""
    folder = folder_of(given.value('init_checkpoint'), model_dir)
    path = os.path.join(folder, 'params.json')
    if not storage.exists(path):
        return []
    values = _recorded(path)
    if values is None:
        return []
    name = values['model_name']
    if name != network.name:
        raise CheckpointError(f'{folder} holds {name}, not {network.name}. '
                              f'Use --model_name={name}.')
    kept = {key: values[key] for key in network.arguments + BINDING
            if values.get(key) is not None and key != 'data_format'}
    return [(path, kept)]


def recorded_with_data(network, given, model_dir):
    """recorded_flags, and the data of the training unless the command line names others."""
    found = recorded_flags(network, given, model_dir)
    if given.value('data_dir') or given.value('dataset') or not found:
        return found
    path, flags = found[0]
    return [(path, dict(flags, **_recorded_data(path)))]


def _recorded_data(path):
    """Flags of the data in a training's params.json; {} when they are not here any more."""
    values = read_record(path) or {}
    folder = values.get('data_dir')
    if 'dataset' not in values or (folder and not storage.is_folder(folder)):
        return {}
    found = {key: values[key] for key in DATA if values.get(key) is not None}
    return found if folder else dict(found, dataset=values['dataset'] or 'digits')


def inherited_flags(network, given, model_dir):
    """[(source, flags)] that training from a checkpoint takes over from its params.json.

    What its weights mean: the network's arguments except those of training alone, and for weights
    of another framework the way their images were prepared. Without a --recipe also the size of
    the images: weights of 64 pixels know little of 224.
    """
    del model_dir
    path = os.path.join(folder_of(given.value('init_checkpoint'), ''), 'params.json')
    if not given.value('init_checkpoint') or not storage.exists(path):
        return []
    values = _recorded(path)
    if not values or values['model_name'] != network.name:
        return []       # the checkpoint's variables say whether that can be
    kept = [name for name in network.arguments if name not in OF_TRAINING]
    kept += IMAGES if values.get('mode') == 'import' else ()
    kept += () if given.value('recipe') else ('input_image_size',)
    return [(path, {key: values[key] for key in kept if values.get(key) is not None})]


def _recorded(path):
    """The flags in a params.json, or None when it is damaged, which is said."""
    values = read_record(path)
    if not values or not isinstance(values.get('model_name'), str):
        warn(f'{path} is damaged, so the flags of the training are not known; give them')
        return None
    return values


def folder_of(init_checkpoint, model_dir):
    """The folder of the run whose checkpoint is used."""
    return finding.run_folder(init_checkpoint) if init_checkpoint else model_dir


def find(network, params, size, choose):
    """The Trained network of --model_dir or --init_checkpoint.

    choose: function of a checkpoint's prefix -> 'ema' or 'raw'. Raises CheckpointError when there
    is no checkpoint, or when it belongs to another network.
    """
    prefix, why = finding.chosen(params.model_dir, params.init_checkpoint)
    if params.format == 'text':
        say(f'checkpoint {prefix} ({why})')
    arguments = run_lib.arguments(network, params, params.num_label_classes)
    if 'data_format' in arguments:
        arguments['data_format'] = 'channels_last'
    if not params.num_label_classes:
        arguments['num_classes'] = variants.num_classes(network, arguments, prefix)
    arguments, wrong = variants.fitting(network, arguments, prefix)
    classes = arguments['num_classes']
    if wrong:
        raise CheckpointError(
            f'{prefix} does not hold {network.name} with {classes} classes: {len(wrong)} variables '
            'differ.\n  ' + '\n  '.join(wrong[:5]) + '\nCheck --model_name, --num_label_classes '
            'and --depth_multiplier.')
    names = class_names(folder_of(params.init_checkpoint, params.model_dir), classes)
    return Trained(network, params, arguments, prefix, choose(prefix), names, size)


def class_names(directory, classes):
    """Names of the classes from labels.txt in a folder, or None; a background may be missing."""
    names = labels_file.read(directory)
    if len(names) == classes - 1:
        names = ['background'] + names
    if names and len(names) != classes:
        warn(f'{directory}/labels.txt names {len(names)} classes, the network has {classes}; '
             'classes are shown by number')
        return None
    return names or None


def build(trained, images, flip=False):
    """Adds the network to the graph: {'logits', 'probabilities', 'classes', 'features'}.

    images: float32 [batch, size, size, 3], normalised. features: [batch, channels], what the
    classifier gets. flip: the mean over each image and its mirror image.
    """
    one = functools.partial(trained.network.build, training=False, **trained.arguments)
    with tf.name_scope('network'):      # leaves the names below free
        logits, endpoints = mirror.both_ways(one, images) if flip else one(images)
    logits = tf.identity(logits, name='logits')
    return {'logits': logits, 'probabilities': tf.nn.softmax(logits, name='softmax_tensor'),
            'classes': tf.argmax(logits, axis=1, name='classes'),
            'features': endpoints['features']}


def restore(trained, session):
    """Reads the chosen weights into the network of the session's graph, under its own names."""
    names = {v.op.name: v for v in trained.network.model_variables()}
    if trained.weights == 'ema':
        held = checkpoints.shapes(trained.prefix)
        averaged = {name: name + checkpoints.AVERAGE for name in names}
        names = {averaged[name] if averaged[name] in held else name: v for name, v in names.items()}
    tf.train.Saver(names).restore(session, trained.prefix)


def new_session(trained):
    """A float32 session for the current graph on the device of the run, see find_host."""
    device = session_lib.find_host(trained.params)
    return tf.Session(config=session_lib.session_config(
        trained.params, device, precision_lib.float32()))
