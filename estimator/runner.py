"""The modes of the program: what happens, in which order. Each is a few calls on a Job."""

import os
import time

from common import labels_file
from common.console import say
from common.errors import CheckpointError
from estimator import curves, results
from estimator.checkpoints import best
from estimator.checkpoints.reading import resolve, step_of
from estimator.hooks import preemption
from estimator.job import Job, exclusive
from estimator.modes import benchmark, export, inspect, pictures, predict, trained_network


def run(network, params, open_inputs):
    """Runs params.mode; returns the exit code of the program (0 or 75, errors are raised).

    open_inputs: a function without arguments that gives the input.Inputs of the run, in the modes
    of SERVING its input.Serving.
    """
    if params.mode in STANDALONE:
        return STANDALONE[params.mode](network, params, open_inputs)
    with exclusive(params.model_dir):
        job = Job(network, params, open_inputs())
        job.preemption.install()
        results.write_params(params.model_dir, job.params)
        if job.inputs.class_names:
            labels_file.write(params.model_dir, job.inputs.class_names)
        status = 'failed'
        try:
            status = MODES[params.mode](job)
        except Exception as error:
            job.measured['error'] = str(error)
            raise
        finally:
            path = job.finish(status)
        _closing(job, status, path)
    return preemption.EXIT_CODE if status == 'preempted' else 0


def layers(network, first, data_set):
    """[(source, flags)] laid over the recipe: what the data set brings, then what the mode does.

    first: Params before the recipe, with model_dir; data_set: [(source, flags)].
    """
    own = LAYERS[first.mode](network, first) if first.mode in LAYERS else []
    return own if first.mode in STANDALONE else data_set + own


def train(job):
    """Trains to the end of the plan."""
    job.announce()
    if _already_done(job):
        return 'completed'
    return 'completed' if job.train(job.plan.train_steps) else 'preempted'


def train_and_eval(job):
    """Trains in cycles of --steps_per_eval, evaluates after each, keeps the best checkpoint."""
    job.announce()
    keeper = best.BestKeeper(job.params.model_dir)
    if _already_done(job) and not _evaluate(job, job.latest(), keeper):
        return 'preempted'
    for until in cycles(job.step(), job.plan.train_steps, job.params.steps_per_eval):
        if not job.train(until) or not _evaluate(job, job.latest(), keeper):
            return 'preempted'
    pictures.draw(job)
    return 'completed'


def evaluate(job):
    """Evaluates the newest checkpoint, or each new one until --eval_timeout seconds pass."""
    keeper = best.BestKeeper(job.params.model_dir)
    if not job.params.eval_timeout:
        source = job.latest() or resolve(job.params.init_checkpoint or job.params.model_dir)
        return 'completed' if _evaluate(job, source, keeper) else 'preempted'
    plan = job.make_plan()
    last = None
    for prefix in _new_checkpoints(job):
        if not _evaluate(job, prefix, keeper):
            return 'preempted'
        last = prefix
        if step_of(prefix) >= plan.train_steps:
            break
    if job.preemption.signal is not None:
        return 'preempted'
    if last is None:
        raise CheckpointError(f'{job.params.model_dir}: no checkpoint appeared within '
                              f'--eval_timeout={job.params.eval_timeout} seconds.')
    return 'completed'


def _new_checkpoints(job):
    """Checkpoints as they appear, until none has for --eval_timeout seconds or a signal came."""
    seen, waited = None, 0
    while waited < job.params.eval_timeout and job.preemption.signal is None:
        newest = job.latest()
        if newest != seen:
            seen, waited = newest, 0
            yield newest
        else:
            time.sleep(1)
            waited += 1


def cycles(step, train_steps, steps_per_eval):
    """Global steps at which to stop and evaluate.

    NOTE: the originals add steps_per_eval to wherever a restart begins; here evaluations fall on
    its multiples, so that an interrupted run evaluates where an uninterrupted one does.
    """
    every = steps_per_eval or train_steps
    while step < train_steps:
        step = min((step // every + 1) * every, train_steps)
        yield step


def _already_done(job):
    done = job.step() >= job.plan.train_steps
    if done:
        say(f'already trained {job.step()}/{job.plan.train_steps} steps in {job.params.model_dir}; '
            'raise --train_steps or --train_epochs to go on')
    return done


def _evaluate(job, prefix, keeper):
    """Evaluates, archives; returns the metrics or None."""
    metrics = job.evaluate(prefix)
    if not metrics or os.path.dirname(prefix) != job.params.model_dir.rstrip('/'):
        return metrics
    _record(job, step_of(prefix), metrics)
    if job.params.archive_ckpt:
        text = '\n'.join(f'{name} = {metrics[name]}' for name in sorted(metrics)) + '\n'
        if keeper.offer(prefix, metrics['top_1_accuracy'], text):
            say(f'best so far: top-1 {metrics["top_1_accuracy"]:.4f}, kept in '
                f'{job.params.model_dir}/archive')
    return metrics


def _record(job, step, metrics):
    """A row of eval.csv."""
    weights = metrics['weights']
    images = job.inputs.num_train_images
    curves.put(os.path.join(job.params.model_dir, 'eval.csv'), curves.EVALUATION, dict(
        metrics, step=step, cross_entropy=metrics[f'cross_entropy_{weights}'],
        epoch=round(step * job.global_batch / images, 4) if images else ''))


def _closing(job, status, path):
    """The last lines: the numbers, the files, the next command."""
    measured = job.measured
    if status == 'preempted':
        say(f'{job.preemption.signal}: saved at step {job.step()}; '
            'the same command continues there')
        return
    if measured.get('top_1_accuracy') is not None:
        say(f'top-1 {measured["top_1_accuracy"]:.4f} ({measured["weights"]} weights) on '
            f'{measured["eval_examples"]} images after {time.time() - job.started:.0f} s')
    for picture in measured.get('pictures', ()):
        say(f'picture    {picture}')
    say(f'result     {path}')
    if status == 'completed' and job.params.mode == 'train_and_eval':
        source = ''.join(f' --{name}={getattr(job.params, name)}'
                         for name in ('data_dir', 'dataset') if getattr(job.params, name))
        say('next       python main.py --mode=eval '
            f'--model_name={job.network.name}{source} --model_dir={job.params.model_dir}')


MODES = {'train': train, 'eval': evaluate, 'train_and_eval': train_and_eval}
# Modes that neither train nor evaluate: function(network, params, open_inputs) -> exit code.
STANDALONE = {'inspect': inspect.run, 'predict': predict.run, 'export': export.run,
              'benchmark': benchmark.run}
SERVING = ('predict', 'export')
LAYERS = {'eval': trained_network.layer, 'predict': trained_network.layer,
          'export': trained_network.layer, 'benchmark': benchmark.layer}
