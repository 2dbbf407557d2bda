"""An evaluation whose graph and session stay open, for one checkpoint after another.

NOTE: not Estimator.evaluate, which builds both again for each checkpoint: 3 to 6 seconds where a
pass over a few hundred images takes one. tf.estimator.experimental.InMemoryEvaluatorHook keeps
the graph, but makes a session each time, returns no metrics, and knows nothing of checkpoints.
"""

import tensorflow.compat.v1 as tf

from estimator.hooks import events


class Evaluator:
    """Evaluates checkpoints of one Estimator as its `evaluate` does, on one device.

    input_fn: as Estimator.evaluate takes it; name: of the folder of its events, or None.
    """

    def __init__(self, estimator, input_fn, name=None):
        self._events_dir = estimator.eval_dir(name)
        self._graph = tf.Graph()
        with self._graph.as_default():
            tf.set_random_seed(estimator.config.tf_random_seed)
            step = tf.train.create_global_step()
            batches = tf.data.make_initializable_iterator(input_fn())
            features, labels = batches.get_next()
            spec = estimator.model_fn(features, labels, tf.estimator.ModeKeys.EVAL,
                                      estimator.config)
            metrics = dict(spec.eval_metric_ops, loss=tf.metrics.mean(spec.loss))
            self._values = dict({name: value for name, (value, _) in metrics.items()},
                                global_step=step)
            self._update = [update for _, update in metrics.values()]
            self._start = [tf.local_variables_initializer(), tf.tables_initializer(),
                           batches.initializer]
            self._saver = tf.train.Saver()
            self._session = tf.Session(config=estimator.config.session_config)

    def evaluate(self, prefix, hooks):
        """{name: number} of the checkpoint, its `loss` and `global_step` among them.

        hooks: session hooks for this pass over the data; their `begin` adds nothing to the graph.
        """
        with self._graph.as_default():
            self._saver.restore(self._session, prefix)
            self._session.run(self._start)
            for hook in hooks:
                hook.begin()
                hook.after_create_session(self._session, None)
            while self._batch(hooks):
                pass
            values = self._session.run(self._values)
            for hook in hooks:
                hook.end(self._session)
        events.write_metrics(self._events_dir, values)
        return values

    def _batch(self, hooks):
        """Whether there was one more batch."""
        context = tf.train.SessionRunContext(tf.train.SessionRunArgs(self._update), self._session)
        fetches = [hook.before_run(context).fetches for hook in hooks]
        try:
            _, results = self._session.run([self._update, fetches])
        except tf.errors.OutOfRangeError:
            return False
        for hook, result in zip(hooks, results):
            hook.after_run(context, tf.train.SessionRunValues(result, None, None))
        return True
