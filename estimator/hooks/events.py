"""TensorBoard's files: the same names for training and evaluation, a small graph, some images.

Training writes into model_dir, evaluation into model_dir/eval, so that `loss`, `cross_entropy`,
`top_1_accuracy` and `top_5_accuracy` of both lie in one diagram.
"""

import functools
import io
import threading

import numpy as np
import tensorflow.compat.v1 as tf

from common.console import warn
from common.errors import first_line
from estimator.drawing import fonts, grid
from estimator.hooks import means, published

# What the graph publishes -> its name in TensorBoard, where that differs.
TAGS = {'train_accuracy': 'top_1_accuracy', 'train_top_5_accuracy': 'top_5_accuracy'}
# A picture holds COLUMNS x ROWS images of at most THUMBNAIL pixels.
COLUMNS, ROWS, THUMBNAIL = 4, 3, 96
PICTURES = COLUMNS * ROWS


class Events(tf.train.SessionRunHook):
    """Means since the last event every `every` steps and at the end; images and graph at step 0."""

    def __init__(self, model_dir, throughput, every, runs_per_step=1):
        self._model_dir = model_dir
        self._throughput = throughput
        self._every = every
        self._runs_per_step = runs_per_step

    def begin(self):
        self._writer = writer(self._model_dir)
        image = published.group('inputs')['image'][:PICTURES]
        # The same fetches in every run, or the graph would be prepared twice; the images are there
        # in the first only. The step may be read before or after the first update.
        early = tf.less(tf.train.get_global_step().read_value(), 2)
        self._fetches = {'means': means.fetches(),
                         'image': tf.cond(early, lambda: image, lambda: image[:0])}
        self._logits = published.group('endpoints')['logits']

    def after_create_session(self, session, coord):
        self._step = self._written = int(session.run(tf.train.get_global_step()))
        self._runs = 0
        self._means = means.Means()
        if self._step == 0:
            self._writer.add_graph(None, graph_def=forward_graph(self._logits))

    def before_run(self, run_context):
        return tf.train.SessionRunArgs(self._fetches)

    def after_run(self, run_context, run_values):
        if self._step == self._runs == 0:
            self._writer.add_summary(picture('inputs', run_values.results['image']), 0)
        self._means.add(run_values.results['means'])
        self._runs += 1
        if self._runs % self._runs_per_step == 0:
            self._step += 1
            if self._step % self._every == 0:
                self._write()

    def end(self, session):
        if self._step != self._written:
            self._write()
        self._writer.flush()

    def _write(self):
        runs = (self._step - self._written) * self._runs_per_step
        self._written = self._step
        values = {TAGS.get(name, name): value for name, value in self._means.take().items()}
        values['images_per_sec'] = self._throughput.images_per_sec(runs)
        values['input_wait'] = self._throughput.input_wait(runs)
        self._writer.add_summary(tf.Summary(value=[
            tf.Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()]),
            self._step)


def publish_mistakes(run, images, labels, logits):
    """Offers the batch's wrongly classified images; not on an Ascend, whose shapes are fixed."""
    if run.device.kind != 'npu':
        said = tf.argmax(logits, axis=1)
        wrong = tf.not_equal(said, labels['label'])
        if 'weight' in labels:      # 0 where an example only fills the batch
            wrong = tf.logical_and(wrong, labels['weight'] > 0)
        published.publish_group('mistakes', {
            key: tf.boolean_mask(value, wrong)[:PICTURES]
            for key, value in (('image', images), ('label', labels['label']), ('said', said))})


class Mistakes(tf.train.SessionRunHook):
    """A picture of the first wrongly classified images of an evaluation, in its events folder.

    The graph publishes the group 'mistakes': image, label, said; the wrong ones of each batch.
    """

    def __init__(self, eval_dir, class_names=None):
        self._eval_dir, self._names = eval_dir, class_names
        self._images, self._captions = [], []

    def begin(self):
        self._fetches = published.group('mistakes')
        self._step = tf.train.get_global_step()

    def before_run(self, run_context):
        return tf.train.SessionRunArgs(self._fetches)

    def after_run(self, run_context, run_values):
        found = run_values.results
        if found and len(self._images) < PICTURES:
            self._images += list(found['image'])
            self._captions += list(zip(found['said'], found['label']))

    def end(self, session):
        if self._images:
            captions = [[(fonts.name_of(self._names, said), grid.WRONG),
                         (f'is {fonts.name_of(self._names, label)}', grid.RIGHT)]
                        for said, label in self._captions[:PICTURES]]
            shown = picture('mistakes', np.stack(self._images[:PICTURES]), captions)
            writer(self._eval_dir).add_summary(shown, int(session.run(self._step)))


def write_metrics(directory, values):
    """The numbers of an evaluation, `global_step` among them, as an Estimator writes them."""
    found = writer(directory)
    found.add_summary(tf.Summary(value=[
        tf.Summary.Value(tag=name, simple_value=value) for name, value in sorted(values.items())
        if name != 'global_step']), int(values['global_step']))
    try:
        found.flush()
    except (RuntimeError, OSError, tf.errors.OpError) as error:     # a full disk, by version
        warn(f'no events of this evaluation in {directory}: {first_line(error)}')


def writer(directory):
    """The one writer of a folder's events; TensorFlow's cache would write the default graph too."""
    hook = getattr(threading, 'excepthook', None)       # Python 3.8 and later
    if hook and getattr(hook, 'func', None) is not _without_its_trace:
        threading.excepthook = functools.partial(_without_its_trace, hook)
    with tf.Graph().as_default():
        return tf.summary.FileWriterCache.get(directory)


def _without_its_trace(before, happened):
    """On a full disk the thread that writes prints a stack trace; flush() raises the same error."""
    if getattr(happened.thread, 'name', '') != 'EventLoggerThread':
        before(happened)


def forward_graph(logits):
    """GraphDef of what leads to the logits: what a person looks for, and small.

    NOTE: not tf.graph_util.extract_sub_graph, which has the whole graph written out first.
    """
    reached, waiting = set(), [logits.op]
    while waiting:
        operation = waiting.pop()
        if operation not in reached:
            reached.add(operation)
            waiting += [tensor.op for tensor in operation.inputs] + operation.control_inputs
    found = tf.GraphDef(versions=logits.graph.graph_def_versions)
    found.node.extend(operation.node_def for operation in logits.graph.get_operations()
                      if operation in reached)
    return found


def picture(tag, images, captions=None):
    """tf.Summary of a grid of images [n, height, width, 3], each with lines of text; see grid."""
    images = np.asarray(images, np.float32)
    low, high = images.min(), images.max()
    images = ((images - low) * (255.0 / max(high - low, 1e-6))).astype(np.uint8)
    drawn = grid.draw([np.broadcast_to(image[..., :3], image.shape[:2] + (3,)) for image in images],
                      captions or [[]] * len(images), THUMBNAIL, COLUMNS)
    stream = io.BytesIO()
    drawn.save(stream, 'JPEG', quality=90)
    return tf.Summary(value=[tf.Summary.Value(tag=tag, image=tf.Summary.Image(
        height=drawn.height, width=drawn.width, colorspace=3,
        encoded_image_string=stream.getvalue()))])
