"""Saving: the periodic checkpoint, and the best one kept apart."""

import os
import time

import tensorflow.compat.v1 as tf

from estimator import curves
from estimator.checkpoints.reading import newest, step_of
from estimator.hooks import events, nan_guard
from estimator.lock import renew


class Timer(tf.train.SecondOrStepTimer):
    """By a clock that nobody sets.

    NOTE: TensorFlow's goes by the time of day: set back by an hour, it saves nothing for an hour.
    """

    def should_trigger_for_step(self, step):
        if self._every_secs is None:
            return super().should_trigger_for_step(step)
        last = self.last_triggered_step()
        return last is None or last != step and time.monotonic() >= self._at + self._every_secs

    def update_last_triggered_step(self, step):
        self._at = time.monotonic()
        return super().update_last_triggered_step(step)


class Saver(tf.train.CheckpointSaverHook):
    """Saves every N steps or seconds and at the end, but not again what was just restored.

    NOTE: without TensorFlow's graph.pbtxt and .meta files, which cost seconds a session and a save
    and which nothing here reads; hooks.events gives TensorBoard its graph.
    """

    def __init__(self, model_dir, save_steps=None, save_secs=None, foreign=False):
        """foreign: whether the first weights are somebody's, not those of the initialisers."""
        super().__init__(model_dir, save_steps=save_steps, save_secs=save_secs)
        self._model_dir = model_dir
        self._foreign = foreign
        self._timer = Timer(save_secs, save_steps)

    def begin(self):
        events.writer(self._model_dir)
        super().begin()
        self._variables = nan_guard.FiniteVariables()

    def after_create_session(self, session, coord):
        self.save_now(session)

    def save_now(self, session):
        """Saves unless the newest checkpoint is of this step; the next one is due after that."""
        step = int(session.run(tf.train.get_global_step()))     # as other hooks: prepared once
        self._save(session, step)
        self._timer.update_last_triggered_step(step)

    def _save(self, session, step):
        latest = newest(self._model_dir)
        if latest and step_of(latest) == step:
            return False
        if step or self._foreign:
            self._variables.check(session, step)
        renew(self._model_dir)
        tf.logging.info('Saving checkpoints for %d into %s.', step, self._save_path)
        self._get_saver().save(session, self._save_path, global_step=step, write_meta_graph=False)
        curves.catch_up(os.path.join(self._model_dir, 'log.csv'))
        return False
