"""Variables that a checkpoint may lack: they then start at their initial values.

The loss scale's, so that a run under float16 continues from a checkpoint of float32 or of an
original.
"""

import tensorflow.compat.v1 as tf

_COLLECTION = 'optional_in_checkpoints'


def declare(variable):
    """Lets a checkpoint lack this variable."""
    tf.add_to_collection(_COLLECTION, variable)


def use_saver(model_dir, keep):
    """Makes the training graph save and restore with a PartialSaver, unless it already does."""
    if not tf.get_collection(tf.GraphKeys.SAVERS):
        tf.add_to_collection(tf.GraphKeys.SAVERS, PartialSaver(model_dir, keep))


class PartialSaver(tf.train.Saver):
    """A Saver of all variables that restores without the optional ones the checkpoint lacks.

    model_dir: folder of the checkpoint that will be restored; keep: checkpoints to keep, 0 all.
    """

    def __init__(self, model_dir, keep):
        super().__init__(sharded=True, max_to_keep=keep, keep_checkpoint_every_n_hours=10000.0,
                         defer_build=True, save_relative_paths=True)
        self._model_dir = model_dir
        self._partial = None

    def build(self):
        super().build()
        latest = tf.train.latest_checkpoint(self._model_dir)
        if not latest:
            return
        held = tf.train.NewCheckpointReader(latest).get_variable_to_shape_map()
        lacking = {v.op.name: v for v in tf.get_collection(_COLLECTION) if v.op.name not in held}
        if lacking:
            rest = [v for v in tf.global_variables() if v.op.name not in lacking]
            self._partial = tf.train.Saver(rest + tf.get_collection(tf.GraphKeys.SAVEABLE_OBJECTS))
            self._initialize = tf.variables_initializer(list(lacking.values()))

    def restore(self, sess, save_path):
        """As tf.train.Saver's."""
        if self._partial is None:
            super().restore(sess, save_path)
        else:
            self._partial.restore(sess, save_path)
            sess.run(self._initialize)
