"""The best checkpoint of a run, kept apart in model_dir/archive."""

import os
import shutil

import tensorflow.compat.v1 as tf

from common.files import write_text


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
        write_text(os.path.join(fresh, 'best_eval.txt'), text)
        write_text(os.path.join(fresh, 'checkpoint'),
               f'model_checkpoint_path: "{base}"\nall_model_checkpoint_paths: "{base}"\n')
        if os.path.isdir(self._archive):
            os.rename(self._archive, self._archive + '.old')
        os.rename(fresh, self._archive)
        write_text(self._objective, '%f' % objective)
        shutil.rmtree(self._archive + '.old', ignore_errors=True)
        return True
