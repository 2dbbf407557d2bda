"""Saving: the periodic checkpoint, and the best one kept apart."""

import os
import shutil

import tensorflow.compat.v1 as tf

from estimator.checkpoints import step_of


class Saver(tf.train.CheckpointSaverHook):
    """Saves every N steps or seconds and at the end, but not again what was just restored.

    NOTE: without TensorFlow's graph.pbtxt and .meta files, which cost seconds a session and a save
    and which nothing here reads; TensorBoard gets the graph once, at the start of a run.
    """

    def __init__(self, model_dir, save_steps=None, save_secs=None):
        super().__init__(model_dir, save_steps=save_steps, save_secs=save_secs)
        self._model_dir = model_dir

    def after_create_session(self, session, coord):
        step = int(session.run(self._global_step_tensor))
        if step == 0:
            self._summary_writer.add_graph(session.graph)
        self._save(session, step)
        self._timer.update_last_triggered_step(step)

    def _save(self, session, step):
        latest = tf.train.latest_checkpoint(self._model_dir)
        if latest and step_of(latest) == step:
            return False
        tf.logging.info('Saving checkpoints for %d into %s.', step, self._save_path)
        self._get_saver().save(session, self._save_path, global_step=step, write_meta_graph=False)
        return False


class BestKeeper:
    """Keeps the checkpoint with the best objective, as the TPU originals' archive_ckpt does.

    Files, under model_dir: `best_objective.txt` (the value), `best_eval.txt` and the checkpoint in
    `archive/`. NOTE: the original deletes the old archive before it copies the new one; here the
    copy is complete under a temporary name first, so a kill never loses the best checkpoint.
    A tie keeps the newer checkpoint, as there.
    """

    def __init__(self, model_dir):
        self._archive = os.path.join(model_dir, 'archive')
        self._objective = os.path.join(model_dir, 'best_objective.txt')
        self._recover()

    def _recover(self):
        old = self._archive + '.old'
        if os.path.isdir(old) and not os.path.isdir(self._archive):
            os.rename(old, self._archive)
        for leftover in (old, self._archive + '.new'):
            shutil.rmtree(leftover, ignore_errors=True)

    def best(self):
        """(objective, checkpoint prefix) of the best so far, or (None, None)."""
        kept = tf.train.latest_checkpoint(self._archive)
        if not kept or not os.path.exists(self._objective):
            return None, None
        with open(self._objective) as stream:
            return float(stream.read()), kept

    def offer(self, prefix, objective, text):
        """Archives a checkpoint unless a better one is kept. Returns whether it did."""
        saved, _ = self.best()
        if saved is not None and saved > objective:
            return False
        fresh = self._archive + '.new'
        shutil.rmtree(fresh, ignore_errors=True)
        os.makedirs(fresh)
        directory, base = os.path.split(prefix)
        for name in os.listdir(directory):
            if name.startswith(base + '.'):
                shutil.copy2(os.path.join(directory, name), fresh)
        _write(os.path.join(fresh, 'best_eval.txt'), text)
        _write(os.path.join(fresh, 'checkpoint'),
               f'model_checkpoint_path: "{base}"\nall_model_checkpoint_paths: "{base}"\n')
        if os.path.isdir(self._archive):
            os.rename(self._archive, self._archive + '.old')
        os.rename(fresh, self._archive)
        _write(self._objective, '%f' % objective)
        shutil.rmtree(self._archive + '.old', ignore_errors=True)
        return True


def _write(path, text):
    temporary = path + '.tmp'
    with open(temporary, 'w') as stream:
        stream.write(text)
    os.replace(temporary, path)
