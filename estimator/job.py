"""One run: a network, its resolved flags and its data, and the steps every mode is made of."""

import contextlib
import functools
import os
import time

from common import labels_file, scopes
from common.console import duration, say, warn
from estimator import announcement, evaluator, failures, model_fn, results
from estimator import plan as plan_lib
from estimator import run as run_lib
from estimator.checkpoints import finding, variants
from estimator.checkpoints import reading as checkpoints
from estimator.checkpoints import weights as weights_lib
from estimator.devices import precision, session, strategies
from estimator.hooks import (
    events,
    log_styles,
    nan_guard,
    preemption,
    progress,
    running_accuracy,
    saver,
    throughput,
    together,
)
from estimator.hooks.diagnostics import choose


class Job:
    """Trains and evaluates one network in one model_dir."""

    def __init__(self, network, params, inputs, resumed, events_dir=None, watching=None):
        """resumed: prefix of the checkpoint in use, or None; events_dir: not model_dir; watching:
        devices.watch.Watch, of several processes."""
        self.network, self.params, self.inputs = network, params, inputs
        self._events_dir = events_dir or params.model_dir
        arguments = self._arguments_for(resumed)
        self.run = run_lib.prepare(params, inputs.num_train_images, arguments,
                                   network.head_scope(**arguments))
        self.preemption = (
            together.Together(params.model_dir, self.run.device.rank)
            if self.run.device.hosts.addresses or (
                self.run.device.kind == 'npu' and self.run.device.count > 1)
            else preemption.Preemption())
        self.throughput = throughput.Throughput(self._images_a_run())
        self.started, self.eval_seconds = time.monotonic(), 0.0
        self.diagnostics = choose.hooks(params, self.run, self.throughput)
        self._evaluators = {}
        self._hooks = [watching.session_limit()] if watching else []
        self.line_every = 1     # steps between progress lines, where log.csv has a row for each

    def _arguments_for(self, resumed):
        """Arguments of network.build with which its variables are the checkpoint's.

        A checkpoint of the same network in another published variant selects that one; any other
        checkpoint to resume from is refused.
        """
        params = self.params
        arguments = run_lib.arguments(self.network, params, self.inputs.num_classes)
        source = resumed or (params.init_checkpoint and checkpoints.resolve(params.init_checkpoint))
        if not source:
            return arguments
        arguments, wrong = variants.fitting(self.network, arguments, source)
        if resumed and wrong:
            raise checkpoints.not_of(
                resumed, f'{self.network.name} with {self.inputs.num_classes} classes', wrong)
        return arguments

    def _images_a_run(self):
        """Images of one session.run on all devices."""
        return (self.params.train_batch_size or 1) * self.run.device.count

    @property
    def global_batch(self):
        """Images of one update of the weights."""
        return self._images_a_run() * self.params.gradient_accumulation_steps

    def latest(self):
        """Prefix of the newest checkpoint in model_dir, or None."""
        return checkpoints.newest(self.params.model_dir)

    def step(self):
        """Global step of the newest checkpoint."""
        return checkpoints.step_of(self.latest())

    def say_data(self):
        """Prints the data line, which every mode with a data set has."""
        say(f'data       {self.inputs.summary()}')

    def announce(self):
        """Prints what is about to happen."""
        for line in announcement.lines(self.network, self.run, self.inputs):
            say(line)
        params = self.params
        if params.freeze:
            names = self.network.variables(**self.run.arguments)
            frozen = scopes.matching(names, params.freeze, 'freeze')
            say(f'frozen     {len(frozen)} of {len(names)} weights and statistics')
        if self.inputs.class_weights():
            say(f'classes    weigh in the loss: {self._class_weights_in_words()}')
        for doubt in plan_lib.doubts(params, self.run.plan, self.inputs.num_train_images):
            warn(doubt)

    def _class_weights_in_words(self):
        weights, names = self.inputs.class_weights(), self.inputs.class_names
        if len(weights) > 20:
            return f'{min(weights):.3g} to {max(weights):.3g}'
        return ', '.join(f'{name} {weight:.3g}' for name, weight in zip(
            names or range(len(weights)), weights))

    def estimator(self, eval_weights=('raw',), initial=None, **more):
        """The Estimator of this job's network."""
        run = self.run._replace(eval_weights=eval_weights, initial=initial)
        if 'save' in more:
            run = run._replace(class_weights=self.inputs.class_weights())
        function = self.network.model_fn_builder(functools.partial(model_fn.build, run=run))
        return session.make_estimator(function, run, self._events_dir, **more)

    def train(self, until, pause=None):
        """Trains to a global step, with pauses where there is a hooks.pauses.Pause.

        Returns what the progress.Progress measured; preemption.signal says whether it got there.
        """
        self.preemption.begin(until)
        params, run, step = self.params, self.run, self.step()
        initial = None
        if params.init_checkpoint and not self.latest():
            initial = checkpoints.plan_restore(
                params.init_checkpoint, self.network.variables(**run.arguments),
                params.init_exclude)
            say(initial.report)
            self._doubt_head(initial)
        loop = session.steps_of_a_run(run, until - step)
        save = session.cadence(run, loop)
        self.throughput.steps_of_a_run = loop
        bar = progress.Progress(run.plan, params.model_dir, self.throughput,
                                params.log_step_count_steps, params.gradient_accumulation_steps,
                                params.log_style, self.line_every)
        hooks = self._hooks + [self.throughput] + self.diagnostics
        hooks += [nan_guard.NanGuard(precision.leaves_out(run)), bar]
        if run.device.rank:
            hooks.remove(bar)
        hooks.append(self.preemption.hook())
        hooks += self._writing(bar, save, pause, until)
        input_fn = self.inputs.train_input_fn(
            params.train_batch_size, first_example=step * run.plan.global_batch)
        recorded = contextlib.nullcontext() if run.device.rank else results.described(self)
        with self.told(), recorded:
            strategies.train(
                self.estimator(initial=initial, save=save, loop=loop),
                session.for_this_process(input_fn, run.device), run.device, hooks, until)
        if run.device.kind == 'npu' and not run.device.rank:
            checkpoints.forget_folder(params.model_dir)
        return bar.measured()

    def _doubt_head(self, initial):
        """Warns where the classifier to start from tells other classes apart."""
        head, folder = self.run.head, finding.run_folder(initial.prefix)
        if labels_file.disagrees(folder, self.inputs.class_names) and any(
                scopes.inside(name, [head]) for name in initial.assignment):
            warn(f'{folder}/labels.txt names other classes than the data, as many, or in another '
                 'order: the classifier starts with what it knows of those. --init_exclude='
                 f'{head}/ starts it anew')

    def _writing(self, bar, save, pause, until):
        """The hooks of the process that writes: events, checkpoints, the pauses after them."""
        params, device = self.params, self.run.device
        if device.kind == 'npu' or device.rank:
            return []
        hooks = []
        if params.save_summary_steps:
            hooks.append(events.Events(params.model_dir, self.throughput, params.save_summary_steps,
                                       params.gradient_accumulation_steps))
        keeper = saver.Saver(params.model_dir, *save, foreign=bool(params.init_checkpoint))
        if not pause:
            return hooks + [keeper]
        return hooks + [keeper, pause.of(bar, [bar] + hooks, keeper, until)]

    def evaluate(self, prefix, collect=None):
        """Evaluates a checkpoint on every image; returns the metrics.

        collect: a hooks.outcomes.Outcomes for what it says of each image, or None.
        """
        weights = weights_lib.to_evaluate(self.params.eval_weights, prefix)
        start = time.monotonic()
        hooks = [collect] if collect else []
        if self.params.save_summary_steps:
            hooks.append(events.Mistakes(self.estimator().eval_dir(self.params.eval_name),
                                         self.inputs.class_names))
        style = log_styles.make(self.params.log_style)
        if style.batches and self.run.device.count == 1:
            hooks.append(running_accuracy.RunningAccuracy(style.batch))
        style.restored(prefix)
        with self.told():
            metrics = self._metrics(weights, prefix, hooks, bool(collect))
        metrics = {name: value.item() for name, value in metrics.items()}
        metrics.update(weights=weights[0], checkpoint=prefix, image_size=self.inputs.image_size)
        self.eval_seconds = time.monotonic() - start
        words = {'ema': 'averaged weights (ema)', 'raw': 'plain weights (raw)'}
        few = self.inputs.num_classes <= 5      # of which any five are all
        parts = [f'{words[w]}: top-1 {metrics["top_1_accuracy_" + w]:.4f} ' +
                 ('' if few else f'top-5 {metrics["top_5_accuracy_" + w]:.4f} ') +
                 f'loss {metrics["cross_entropy_" + w]:.4f}' for w in weights]
        say(f'evaluation at step {checkpoints.step_of(prefix)}  ' + '  |  '.join(parts) +
            f'  ({metrics["eval_examples"]}/{self.inputs.num_eval_images} images, '
            f'{duration(self.eval_seconds)})')
        style.evaluation(metrics, prefix)
        return metrics

    def _metrics(self, weights, prefix, hooks, positions):
        """What an Estimator's evaluation of a checkpoint gives.

        positions: whether the hooks want them; an evaluation that stays open has them anyway.
        """
        name, device = self.params.eval_name, self.run.device
        stays = strategies.stays_open(device)
        input_fn = strategies.for_replicas(self.inputs.eval_input_fn(
            self.params.eval_batch_size or self.params.train_batch_size,
            full_batches=device.kind == 'npu', positions=stays or positions), device)
        if not stays:
            return self.estimator(weights).evaluate(
                input_fn, hooks=hooks, checkpoint_path=prefix, name=name)
        if weights not in self._evaluators:
            self._evaluators[weights] = evaluator.Evaluator(
                self.estimator(weights), input_fn, name)
        return self._evaluators[weights].evaluate(prefix, hooks)

    def finish(self, status, record, path=None, prefix=None):
        """Writes a results.Record to result.json, or to `path`; returns where.

        prefix: the checkpoint it is about (default: the newest of model_dir).
        """
        path = path or os.path.join(self.params.model_dir, 'result.json')
        step, batch = checkpoints.step_of(prefix or self.latest()), results.global_batch(self)
        measured = dict(
            {'checkpoint': self.latest()}, **record.values(), precision=self.run.precision.text,
            global_batch=batch, num_devices=self.run.device.count, global_step=step,
            examples_seen=step * batch,
            images_per_sec=self.throughput.images_per_sec() or None,
            input_wait=self.throughput.input_wait() if self.throughput.seconds else None,
            duration_sec=time.monotonic() - self.started)
        return results.write_result(path, status, self.params, measured)

    def told(self):
        """Context in which errors of TensorFlow and the system become errors of ours."""
        return failures.told(self.params.model_dir, self.latest, self.inputs.explain_failure)
