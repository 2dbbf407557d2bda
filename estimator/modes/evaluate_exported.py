"""`--mode=eval --exported=FILE`: an exported file on a data set, every image once.

The images come from the pipeline that evaluates checkpoints; the file answers for the network.
FILE.evaluation.json gets what evaluation.json has of a checkpoint.
"""

import os
import time

import numpy as np
import tensorflow.compat.v1 as tf

from common import labels_file, storage
from common.console import duration, say, warn
from common.errors import CheckpointError, DataError
from common.files import read_record
from estimator import failures, results
from estimator.modes import trained_network as trained_lib
from estimator.modes.exports import card, runtimes
from estimator.training import losses


def recorded_flags(network, given, model_dir):
    """[(source, flags)] of what is evaluated: a checkpoint's training, or the exported file.

    Of a file they stand in the model card beside it; of a stranger's, in its shapes. Raises
    CheckpointError when it is no exported file or of another network.
    """
    path = given.value('exported')
    if not path:
        return trained_lib.recorded_flags(network, given, model_dir)
    path = storage.absolute(path)
    beside = os.path.join(os.path.dirname(path), card.FILE)
    told = read_record(beside) or {}
    if os.path.basename(path) in told.get('files', ()):
        if told['model_name'] != network.name:
            raise CheckpointError(f'{path} holds {told["model_name"]}, not {network.name}. '
                                  f'Use --model_name={told["model_name"]}.')
        smoothed = {name: value for name, value in told.get('training', {}).items()
                    if name == 'label_smoothing'}       # the loss is that of the checkpoint
        return [(beside, dict(told['flags'], **smoothed))]
    runtime = runtimes.open_file(path)
    shape = runtime.output['shape']
    found = {'input_image_size': runtime.size, 'num_label_classes': shape and shape[-1]}
    runtime.close()
    return [(path, {name: value for name, value in found.items() if value})]


def run(network, params, open_inputs):
    """Evaluates --exported; returns 0."""
    del network
    inputs, path = open_inputs(), storage.absolute(params.exported)
    runtime = runtimes.open_file(path)
    if runtime.size and runtime.size != inputs.image_size:
        raise CheckpointError(f'{path} takes images of {runtime.size} pixels, not '
                              f'{inputs.image_size}. Use --input_image_size={runtime.size}.')
    _check_names(path, inputs.class_names)
    say(f'data       {inputs.summary()}')
    say(f'file       {path} ({runtime.kind}, {runtime.input["dtype"]} in, '
        f'{runtime.output["dtype"]} out)')
    start = time.monotonic()
    with failures.told(os.path.dirname(path), lambda: path, inputs.explain_failure):
        metrics = evaluate(runtime, inputs, params)
    runtime.close()
    spent = time.monotonic() - start
    say(f'evaluation of {os.path.basename(path)}  top-1 {metrics["top_1_accuracy"]:.4f} '
        f'top-5 {metrics["top_5_accuracy"]:.4f} loss {metrics["cross_entropy"]:.4f}  '
        f'({metrics["eval_examples"]}/{inputs.num_eval_images} images, {duration(spent)})')
    _keep(path, params, dict(metrics, checkpoint=path, weights='exported', duration_sec=spent,
                             precision=f'{runtime.kind}, {runtime.input["dtype"]}'))
    return 0


def _check_names(path, names):
    """The classes of the data beside those of the file, where both have names."""
    listed = labels_file.read(os.path.dirname(path))
    if not labels_file.disagrees(os.path.dirname(path), names):
        return
    if len(names) != len(listed) or (names[0], listed[0]).count('background') == 1:
        raise DataError(f'the data have other classes than {path}, whose labels.txt begins with '
                        f'{", ".join(listed[:3])}: {", ".join(names[:3])} ... Give data with '
                        f'all {len(listed)} of them, in folders of these names.')
    warn(f'the data have other class names than the labels.txt beside {path}, or in another order: '
         'an answer counts as right by its number, not by its name')


def _keep(path, params, measured):
    name = f'evaluation_{params.eval_name}' if params.eval_name else 'evaluation'
    try:
        written = results.write_result(f'{path}.{name}.json', 'completed', params, measured)
        say(f'result     {written}')
    except OSError as error:
        warn(f'the evaluation is only printed: {error}')


def evaluate(runtime, inputs, params):
    """{'top_1_accuracy', 'top_5_accuracy', 'cross_entropy', 'eval_examples'} of a Runtime."""
    batch = params.eval_batch_size or params.train_batch_size or 1
    totals = np.zeros(4)
    with tf.Graph().as_default(), tf.Session() as session:
        iterator = tf.data.make_initializable_iterator(inputs.eval_input_fn(batch)())
        features, labels = iterator.get_next()
        logits = tf.placeholder(tf.float32, [None, inputs.num_classes])
        target = tf.placeholder(tf.int64, [None])
        entropy = losses.cross_entropy(logits, target, inputs.num_classes, params.label_smoothing,
                                       params.label_smoothing_style)
        session.run(iterator.initializer)
        while True:
            try:
                images, label = session.run((features['image'], labels['label']))
            except tf.errors.OutOfRangeError:
                break
            values = runtime.logits(images)
            if values.shape[1] != inputs.num_classes:
                raise CheckpointError(f'{runtime.path} knows {values.shape[1]} classes, the data '
                                      f'have {inputs.num_classes}. Check --data_dir and '
                                      '--num_label_classes.')
            places = ranks(values, label)
            losses_here = session.run(entropy, {logits: values, target: label})
            totals += [np.sum(places < 1), np.sum(places < 5), np.sum(losses_here), len(label)]
    means = totals[:3] / max(totals[3], 1)
    return {'top_1_accuracy': means[0], 'top_5_accuracy': means[1], 'cross_entropy': means[2],
            'eval_examples': int(totals[3])}


def ranks(logits, labels):
    """int [n]: how many classes come before the right one; a logit that is no number is last.

    NOTE: of equal logits the lower class comes first, as with argmax. Evaluation of checkpoints
    counts all of them as hits; there they do not occur, in 8-bit outputs they do.
    """
    own = logits[np.arange(len(labels)), labels][:, np.newaxis]
    lower = np.arange(logits.shape[1])[np.newaxis] < np.asarray(labels)[:, np.newaxis]
    before = np.sum((logits > own) | ((logits == own) & lower), axis=1)
    return np.where(np.isfinite(own[:, 0]), before, logits.shape[1])
