"""What an evaluation says of each image, collected while it goes: for the report.

Only an evaluation whose batches carry labels['position'] publishes it, the last of a training and
that of --mode=eval; the others are as fast as without. About 40 bytes an image, and a few pictures.
"""

import numpy as np
import tensorflow.compat.v1 as tf

from estimator.hooks import published
from estimator.training import losses

# Pictures kept of each kind of mistake, and in each batch.
SHOWN = 12
# How sure the network was of the wrong class, and how unlikely it held the right one.
KINDS = ('confident', 'worst')


def publish(run, images, labels, logits):
    """Offers the outcomes of a batch to the hook; images: [batch, height, width, 3] normalised."""
    if 'position' not in labels:
        return
    truth, position = labels['label'], labels['position']
    probabilities = tf.nn.softmax(tf.cast(logits, tf.float32))
    probability, guess = [tf.squeeze(found, 1) for found in tf.nn.top_k(probabilities, 1)]
    of_truth = tf.reduce_sum(probabilities * tf.one_hot(truth, logits.shape[1].value), 1)
    weight = labels.get('weight', tf.ones_like(probability))
    published.publish_group('outcomes', {
        'position': position, 'label': truth, 'guess': guess, 'weight': weight,
        'probability': probability, 'label_probability': of_truth,
        'top_5': losses.top_k_hits(logits, truth, min(5, logits.shape[1].value))})
    if run.device.kind == 'npu':    # its shapes are fixed, and pictures of a batch are not
        return
    wrong = tf.logical_and(tf.not_equal(tf.cast(guess, truth.dtype), truth), weight > 0)
    for kind, score in zip(KINDS, (probability, 1 - of_truth)):
        score = tf.where(wrong, score, -tf.ones_like(score))
        score, few = tf.nn.top_k(score, tf.minimum(SHOWN, tf.size(score)))
        published.publish_group(kind, {'score': score, 'position': tf.gather(position, few),
                                       'image': tf.gather(images, few)})


class Outcomes(tf.train.SessionRunHook):
    """Collects the outcomes of one evaluation, of all its replicas.

    After it: `values`, {name: array [images]} in the order of the positions, each image once;
    `pictures`, {kind: [(score, position, image)]}, the highest score first.
    """

    def __init__(self):
        self._rows, self.values = [], {}
        self.pictures = {kind: [] for kind in KINDS}

    def begin(self):
        self._fetches = {name: published.groups(name) for name in ('outcomes',) + KINDS}

    def before_run(self, run_context):
        return tf.train.SessionRunArgs(self._fetches)

    def after_run(self, run_context, run_values):
        for found in run_values.results['outcomes']:
            real = found.pop('weight') > 0
            self._rows.append({name: value[real] for name, value in found.items()})
        for kind in KINDS:
            for found in run_values.results[kind]:
                self._keep(kind, found)

    def _keep(self, kind, found):
        rows = [row for row in zip(found['score'], found['position'], found['image'])
                if row[0] >= 0]
        best = self.pictures[kind] + rows
        best.sort(key=lambda row: (-row[0], row[1]))
        # A copy, or a picture would keep its whole batch.
        self.pictures[kind] = [(score, position, np.array(image))
                               for score, position, image in best[:SHOWN]]

    def end(self, session):
        if self._rows:
            whole = {name: np.concatenate([row[name] for row in self._rows])
                     for name in self._rows[0]}
            order = np.argsort(whole['position'], kind='stable')
            self.values = {name: value[order] for name, value in whole.items()}
        self._rows = []
