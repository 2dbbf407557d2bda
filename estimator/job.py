"""One run: a network, its resolved flags and its data, and the steps every mode is made of."""

import contextlib
import fcntl
import os
import time

import tensorflow.compat.v1 as tf

from common.console import duration, say
from common.errors import CheckpointError, DataError, ProgramError
from estimator import model_fn, results
from estimator import plan as plan_lib
from estimator.checkpoints import reading as checkpoints
from estimator.checkpoints import variants
from estimator.devices import precision as precision_lib
from estimator.devices import session
from estimator.hooks import log_styles, nan_guard, preemption, progress, saver, trace
from estimator.training import schedules

# Checkpoint cadence when no flag sets one; the originals' max(100, iterations_per_loop).
SAVE_SECONDS = 600


class Job:
    """Trains and evaluates one network in one model_dir."""

    def __init__(self, network, params, inputs):
        self.network = network
        self.inputs = inputs
        self.device = session.find_device(params)
        self.precision = precision_lib.choose(params, self.device.kind)
        images_per_run = (params.train_batch_size or 1) * self.device.count
        self.global_batch = images_per_run * params.gradient_accumulation_steps
        self.preemption = preemption.Preemption()
        self.throughput = progress.Throughput(images_per_run)
        self.started = time.time()
        self.measured = {'precision': self.precision.text}
        latest = checkpoints.latest_good(params.model_dir)
        self.params = self._fit_to_checkpoint(params, latest)
        self.plan = None

    def _fit_to_checkpoint(self, params, latest):
        """Params with which the network's variables are those of the checkpoint to continue from.

        A checkpoint of the same network in another published form (MobileNetV2's two classifiers,
        MnasNet with or without Keras names) selects that form; any other one is refused.
        """
        source = latest or (params.init_checkpoint and checkpoints.resolve(params.init_checkpoint))
        if not source:
            return params
        params, _ = variants.fitting(self.network, params, source, self.inputs.num_classes,
                                  self.inputs.image_size)
        if latest:
            checkpoints.require_fit(
                latest, self.variables(params),
                f'{self.network.name} with {self.inputs.num_classes} classes')
        return params

    def variables(self, params):
        """{name: shape} of the network's variables under these params."""
        return variants.variables(self.network, params, self.inputs.num_classes,
                               self.inputs.image_size)

    def latest(self):
        """Prefix of the newest checkpoint in model_dir, or None."""
        return tf.train.latest_checkpoint(self.params.model_dir)

    def step(self):
        """Global step of the newest checkpoint."""
        return checkpoints.step_of(self.latest())

    def announce(self):
        """Makes the plan and prints what is about to happen."""
        params, plan = self.params, self.make_plan()
        rate = schedules.peak_learning_rate(params, plan)
        say(f'network    {self.network.name}, {self.inputs.num_classes} classes, '
            f'{self.inputs.image_size}x{self.inputs.image_size} pixels')
        say(f'data       {self.inputs.summary()}')
        say(f'training   {plan.train_steps} steps = {plan.epochs:.2f} epochs of '
            f'{plan.steps_per_epoch:.1f} steps, global batch {plan.global_batch} '
            f'({params.train_batch_size} on each of {self.device.text})')
        say(f'optimizer  {params.optimizer}, learning rate {rate:g}, '
            f'{params.lr_schedule} schedule, {params.lr_warmup_epochs or 0:g} warm-up epochs')
        say(f'precision  {self.precision.text}')

    def make_plan(self):
        """The plan, once."""
        if self.plan is None:
            self.plan = plan_lib.make_plan(
                self.params, self.inputs.num_train_images, self.global_batch)
        return self.plan

    def estimator(self, eval_weights=('raw',), initial=None, save=(None, None)):
        """The Estimator of this job's network."""
        run = model_fn.Run(self.plan, self.inputs.num_classes, self.precision, self.device,
                           eval_weights, initial)
        function = self.network.model_fn_builder(self.network, self.params, run)
        return session.make_estimator(function, self.params, self.device, self.precision, *save)

    def train(self, until):
        """Trains to a global step. Returns whether it got there (False: preempted)."""
        params, step = self.params, self.step()
        plan = self.make_plan()
        initial = None
        if params.init_checkpoint and not self.latest():
            initial = checkpoints.plan_restore(
                params.init_checkpoint, self.variables(params), params.init_exclude,
                averages=bool(params.moving_average_decay))
            say(initial.report)
        save = _cadence(params)
        bar = progress.Progress(plan, params.model_dir, self.throughput,
                                params.log_step_count_steps, params.gradient_accumulation_steps,
                                params.log_style)
        hooks = [self.throughput, nan_guard.NanGuard(self.precision.loss_scale == 'dynamic'), bar]
        hooks += trace.hooks(params, self.device)
        hooks.append(self.preemption.hook())
        if self.device.kind != 'npu':
            hooks.append(saver.Saver(params.model_dir, *save))
        input_fn = self.inputs.train_input_fn(
            params.train_batch_size, first_example=step * plan.global_batch)
        with self._explained():
            self.estimator(initial=initial, save=save).train(
                session.for_this_process(input_fn, self.device), hooks=hooks, max_steps=until)
        if bar.last:
            self.measured.update(loss=float(bar.last['loss']),
                                 train_accuracy=float(bar.last['train_accuracy']))
        return self.preemption.signal is None

    def evaluate(self, prefix):
        """Evaluates a checkpoint on every image; returns the metrics, or None when preempted."""
        weights = choose_weights(self.params.eval_weights, prefix)
        start = time.time()
        with self._explained():
            metrics = self.estimator(weights).evaluate(
                self.inputs.eval_input_fn(
                    self.params.eval_batch_size or self.params.train_batch_size),
                hooks=[self.preemption.hook()], checkpoint_path=prefix,
                name=self.params.eval_name)
        if self.preemption.signal is not None:
            return None
        metrics = {name: value.item() for name, value in metrics.items()}
        metrics['weights'] = weights[0]
        spent = time.time() - start
        parts = [f'{w}: top-1 {metrics["top_1_accuracy_" + w]:.4f} '
                 f'top-5 {metrics["top_5_accuracy_" + w]:.4f} '
                 f'loss {metrics["cross_entropy_" + w]:.4f}' for w in weights]
        say(f'evaluation at step {checkpoints.step_of(prefix)}  ' + '  |  '.join(parts) +
            f'  ({metrics["eval_examples"]}/{self.inputs.num_eval_images} images, '
            f'{duration(spent)})')
        for line in log_styles.STYLES[self.params.log_style].evaluation(metrics, prefix):
            say(line)
        self.measured.update(
            {name: value for name, value in metrics.items() if name not in ('loss', 'global_step')},
            checkpoint=prefix)
        return metrics

    def finish(self, status):
        """Writes result.json; returns its path."""
        step = self.step()
        self.measured.update(
            global_batch=self.global_batch, num_devices=self.device.count, global_step=step,
            examples_seen=step * self.global_batch,
            images_per_sec=self.throughput.images_per_sec() or None,
            duration_sec=time.time() - self.started)
        self.measured.setdefault('checkpoint', self.latest())
        return results.write_result(self.params.model_dir, status, self.params, self.measured)

    @contextlib.contextmanager
    def _explained(self):
        """Turns TensorFlow's errors about data and checkpoints into messages of ours."""
        try:
            yield
        except (tf.errors.InvalidArgumentError, tf.errors.DataLossError,
                tf.errors.NotFoundError) as error:
            message = self.inputs.explain_failure(error)
            if message:
                raise DataError(message)
            if 'not found in checkpoint' in str(error):
                key = str(error).split('Key ')[-1].split(' not found')[0]
                raise CheckpointError(
                    f'{self.latest()} holds no {key}: it was trained with another optimizer or '
                    'without averaged weights. Use the flags it was trained with, or '
                    f'--init_checkpoint={self.latest()} with a fresh --model_dir.')
            raise


def choose_weights(wanted, prefix):
    """Which weights to evaluate: ('ema', 'raw'), ('ema',) or ('raw',), by flag and checkpoint."""
    averaged = checkpoints.has_averages(prefix)
    if wanted == 'ema' and not averaged:
        raise CheckpointError(f'{prefix} holds no averaged weights (it was trained with '
                              '--moving_average_decay=0). Use --eval_weights=raw.')
    if wanted == 'both':
        return ('ema', 'raw') if averaged else ('raw',)
    return (wanted,)


def _cadence(params):
    """(steps, seconds) between checkpoints: exactly one of them is set."""
    if params.save_checkpoints_steps:
        return params.save_checkpoints_steps, None
    if params.save_checkpoints_secs:
        return None, params.save_checkpoints_secs
    if params.iterations_per_loop:
        return max(100, params.iterations_per_loop), None
    return None, SAVE_SECONDS


@contextlib.contextmanager
def exclusive(model_dir):
    """Keeps a second run out of a model_dir; the lock goes with the process."""
    os.makedirs(model_dir, exist_ok=True)
    with open(os.path.join(model_dir, '.lock'), 'a+') as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            stream.seek(0)
            raise ProgramError(f'{model_dir} is in use by process {stream.read().strip()}. '
                                 'Wait for it, or give another --model_dir.')
        stream.truncate(0)
        stream.write(str(os.getpid()))
        stream.flush()
        yield
