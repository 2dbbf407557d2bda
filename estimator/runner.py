"""The modes of the program: what happens, in which order. Each is a few calls on a Job."""

import os
import time

from common import labels_file
from common.console import say
from common.errors import CheckpointError
from estimator import curves, results
from estimator.checkpoints import best
from estimator.checkpoints.reading import every, resolve, step_of
from estimator.devices import session
from estimator.hooks import preemption
from estimator.job import Job
from estimator.lock import exclusive
from estimator.modes import (
    benchmark,
    compare,
    doctor,
    export,
    inspect,
    pictures,
    predict,
    trained_network,
)


def run(network, params, open_inputs):
    """Runs params.mode; returns the exit code of the program (0 or 75, errors are raised).

    open_inputs: a function without arguments that gives the input.Inputs of the run, in the modes
    of SERVING its input.Serving.
    """
    if params.mode in STANDALONE:
        return STANDALONE[params.mode](network, params, open_inputs)
    if session.rank_of(params):
        return _follow(Job(network, params, open_inputs()))
    with exclusive(params.model_dir):
        job, record = Job(network, params, open_inputs()), results.Record()
        results.write_params(params.model_dir, params)
        if job.inputs.class_names:
            labels_file.write(params.model_dir, job.inputs.class_names)
        status = 'failed'
        try:
            status = MODES[params.mode](job, record)
        except Exception as error:
            record.error = str(error)
            raise
        finally:
            path = job.finish(status, record)
        _closing(job, record, status, path)
    return preemption.EXIT_CODE if status == 'preempted' else 0


def _follow(job):
    """What the ranks above 0 do: the trainings of the mode, no evaluation, no files."""
    cycle = job.params.steps_per_eval if job.params.mode == 'train_and_eval' else None
    if job.params.mode != 'eval':
        for until in cycles(job.step(), job.run.plan.train_steps, cycle):
            if _status(job) == 'completed':
                job.train(until)
    return preemption.EXIT_CODE if _status(job) == 'preempted' else 0


def mode_flags(network, given, model_dir):
    """[(source, flags)] that a mode lays over the recipe; given: flags.Given."""
    mode = given.value('mode')
    return MODE_FLAGS[mode](network, given, model_dir) if mode in MODE_FLAGS else []


def train(job, record):
    """Trains to the end of the plan."""
    job.announce()
    if not _already_done(job):
        record.training = job.train(job.run.plan.train_steps)
    return _status(job)


def train_and_eval(job, record):
    """Trains in cycles of --steps_per_eval, evaluates after each, keeps the best checkpoint."""
    job.announce()
    keeper = best.BestKeeper(job.params.model_dir)
    if _already_done(job):
        _evaluate(job, record, job.latest(), keeper)
    for until in cycles(job.step(), job.run.plan.train_steps, job.params.steps_per_eval):
        if _status(job) == 'completed':
            record.training = job.train(until)
        if _status(job) == 'completed':
            _evaluate(job, record, job.latest(), keeper)
    if _status(job) == 'completed':
        record.pictures = pictures.draw(job)
    return _status(job)


def evaluate(job, record):
    """Evaluates the newest checkpoint, or each new one until --eval_timeout seconds pass."""
    job.say_data()
    keeper = best.BestKeeper(job.params.model_dir)
    if job.params.eval_all:
        return _evaluate_all(job, record, keeper)
    if not job.params.eval_timeout:
        source = job.latest() or resolve(job.params.init_checkpoint or job.params.model_dir)
        _evaluate(job, record, source, keeper)
        return _status(job)
    for prefix in _new_checkpoints(job):
        _evaluate(job, record, prefix, keeper)
        if job.run.plan and step_of(prefix) >= job.run.plan.train_steps:
            break
    if not record.evaluation and _status(job) == 'completed':
        raise CheckpointError(f'{job.params.model_dir}: no checkpoint appeared within '
                              f'--eval_timeout={job.params.eval_timeout} seconds.')
    return _status(job)


def _evaluate_all(job, record, keeper):
    """Evaluates each checkpoint of model_dir, else of the folder init_checkpoint, by step."""
    folder = job.params.model_dir if job.latest() else job.params.init_checkpoint
    for prefix in every(folder or job.params.model_dir):
        if _status(job) == 'completed':
            _evaluate(job, record, prefix, keeper)
            record.evaluations.append(dict(record.evaluation, global_step=step_of(prefix)))
    return _status(job)


def _status(job):
    return 'completed' if job.preemption.signal is None else 'preempted'


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
    done = job.step() >= job.run.plan.train_steps
    if done:
        say(f'already trained {job.step()}/{job.run.plan.train_steps} steps in '
            f'{job.params.model_dir}; raise --train_steps or --train_epochs to go on')
    return done


def _evaluate(job, record, prefix, keeper):
    """Evaluates and archives; a signal leaves the record as it was."""
    metrics = job.evaluate(prefix)
    if not metrics:
        return
    record.evaluation = metrics
    if os.path.dirname(prefix) != job.params.model_dir.rstrip('/'):
        return
    _add_to_curve(job, step_of(prefix), metrics)
    if job.params.archive_ckpt:
        text = '\n'.join(f'{name} = {metrics[name]}' for name in sorted(metrics)) + '\n'
        if keeper.offer(prefix, metrics['top_1_accuracy'], text):
            say(f'best so far: top-1 {metrics["top_1_accuracy"]:.4f}, kept in '
                f'{job.params.model_dir}/archive')


def _add_to_curve(job, step, metrics):
    """A row of eval.csv."""
    weights = metrics['weights']
    images = job.inputs.num_train_images
    curves.put(os.path.join(job.params.model_dir, 'eval.csv'), curves.EVALUATION, dict(
        metrics, step=step, cross_entropy=metrics[f'cross_entropy_{weights}'],
        epoch=round(step * job.global_batch / images, 4) if images else ''))


def _closing(job, record, status, path):
    """The last lines: the numbers, the files, the next command."""
    measured = record.evaluation
    if status == 'preempted':
        say(f'{job.preemption.signal}: saved at step {job.step()}; '
            'the same command continues there')
        return
    if measured:
        say(f'top-1 {measured["top_1_accuracy"]:.4f} ({measured["weights"]} weights) on '
            f'{measured["eval_examples"]} images after {time.time() - job.started:.0f} s')
    for picture in record.pictures:
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
              'benchmark': benchmark.run, 'compare': compare.run,
              'doctor': doctor.run}
# Those of them that need no --model_name.
WITHOUT_NETWORK = ('compare', 'doctor')
SERVING = ('predict', 'export')
MODE_FLAGS = {'eval': trained_network.recorded_flags, 'predict': trained_network.recorded_flags,
              'export': trained_network.recorded_flags, 'benchmark': benchmark.default_flags}
