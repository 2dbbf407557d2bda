"""The modes of the program: what happens, in which order. Each is a few calls on a Job."""

import functools
import time

from common import signals
from common.console import say, warn
from common.errors import PREEMPTED
from estimator import evaluations, failures, results, resuming
from estimator import plan as plan_lib
from estimator.checkpoints import finding
from estimator.checkpoints.reading import newest
from estimator.devices import hosts as hosts_lib
from estimator.devices import npu, session, strategies, watch
from estimator.hooks import outcomes, pauses, together
from estimator.job import Job
from estimator.lock import exclusive
from estimator.modes import (
    benchmark,
    compare,
    doctor,
    evaluate,
    export,
    import_weights,
    lr_find,
    pictures,
    predict,
)
from estimator.report import write as report


@session.without_autograph
def run(network, params, open_inputs):
    """Runs params.mode; returns the exit code of the program (0 or 75, errors are raised).

    open_inputs: a function without arguments that gives the input.Inputs of the run, in the modes
    of SERVING its input.Serving.
    """
    if params.mode in STANDALONE:
        with failures.written(params.export_dir or params.save_features or params.model_dir):
            return STANDALONE[params.mode](network, params, open_inputs)
    hosts = session.hosts_of(npu.chosen(params), params.hosts, params.host_index)
    hosts_lib.require_folder(hosts, params.model_dir)
    work = functools.partial(_work, network, params, open_inputs)
    return watch.watched(hosts, params.host_timeout, work) if hosts.addresses else work(None)


def _work(network, params, open_inputs, watching):
    """Runs a mode as one of the processes that train together; watching: watch.Watch or None."""
    rank, size = session.place_of(params)
    begin = functools.partial(Job, network, params, watching=watching)
    if params.mode == 'eval':
        return 0 if rank else evaluate.run(network, params, open_inputs)
    if rank:
        together.meet(params.model_dir, rank, size)
        return _follow(begin(open_inputs(), newest(params.model_dir)))
    with exclusive(params.model_dir):
        finding.remove_unfinished(params.model_dir)
        resumed = finding.latest_good(params.model_dir)
        together.meet(params.model_dir, rank, size)
        return _train(begin(open_inputs(), resumed), resumed, watching)


def _train(job, resumed, watching=None):
    """A training from its files to its last lines; returns the exit code."""
    record, status = results.Record(), 'failed'
    for line in resuming.report(job, resumed):
        say(line)
    if watching:
        watching.on_lost = functools.partial(_lost, job, record)
    signals.set_last_words(functools.partial(_last_words, job, record, watching))
    try:
        with job.told():
            resuming.tidy(job.params.model_dir, resumed)
            results.describe(job, unless_known=True)
            status = MODES[job.params.mode](job, record)
    except Exception as error:
        record.error = str(error)
        raise
    finally:
        signals.set_last_words(None)
        path = _finish(job, status, record)
    _closing(job, record, status, path)
    return PREEMPTED if status == 'preempted' else 0


def _finish(job, status, record):
    """Writes result.json; what ended the run is not hidden by a disk that cannot hold it."""
    try:
        return job.finish(status, record)
    except OSError as error:
        if status != 'failed':
            raise failures.storage(error, job.params.model_dir) from None
        warn(f'no result.json: {error}')


def _last_words(job, record, watching):
    job.finish('preempted', record)
    if watching:
        watching.close(PREEMPTED)


def _lost(job, record, message):
    record.error = message
    job.finish('failed', record)


def _follow(job):
    """What the ranks above 0 do: the trainings of the mode, no evaluation, no files."""
    cycle = (plan_lib.steps_per_eval(job.params, job.run.plan)
             if job.params.mode == 'train_and_eval' else None)
    for until in cycles(job.step(), job.run.plan.train_steps, cycle):
        if _status(job) == 'completed':
            job.train(until)
    return PREEMPTED if _status(job) == 'preempted' else 0


def train(job, record):
    """Trains to the end of the plan."""
    job.announce()
    if not _already_done(job):
        record.training = job.train(job.run.plan.train_steps)
    return _status(job)


def train_and_eval(job, record):
    """Trains in cycles of --steps_per_eval, evaluates after each, keeps the best checkpoint."""
    job.announce()
    plan, step = job.run.plan, job.step()
    every = plan_lib.steps_per_eval(job.params, plan)
    stopped_here = step and step % every == 0 and not evaluations.recorded(
        job.params.model_dir, step)
    over = _already_done(job) or _stops_early(job, every)
    if over or stopped_here:
        _evaluate(job, record)
        over = over or _stops_early(job, every)
    if not over and _status(job) == 'completed':
        _train_in_cycles(job, record, every)
    if _status(job) == 'completed':
        _report(job, record)
        record.pictures = _pictures(job)
    return _status(job)


def _train_in_cycles(job, record, every):
    """Trains to the end of the plan or of patience; where it can, in one session."""
    def then(measured):
        record.training = measured
        _evaluate(job, record)
        return _stops_early(job, every)

    pause = pauses.Pause(every, then) if strategies.stays_open(job.run.device) else None
    for until in cycles(job.step(), job.run.plan.train_steps, None if pause else every):
        record.training = job.train(until, pause)
        if _status(job) != 'completed' or pause and pause.over or then(record.training):
            break


def _stops_early(job, every):
    metric, patience = job.params.early_stopping, job.params.patience
    best = metric and evaluations.stopped(job.params.model_dir, metric, patience, every)
    if best:
        say(f'stops at step {job.step()}: {metric} has not improved since step {best[0]} '
            f'({best[1]:.4f}), --patience={patience} evaluations ago or more')
    return best


def _pictures(job):
    """Paths of the pictures; a finished run does not fail for want of one."""
    try:
        return pictures.draw(job)
    except Exception as error:  # pylint: disable=broad-except
        warn(f'no pictures: {(str(error).splitlines() or [type(error).__name__])[0]}')
        return ()


def _status(job):
    return 'completed' if job.preemption.signal is None else 'preempted'


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


def _evaluate(job, record):
    """Evaluates the newest checkpoint and records it; the last one of the plan gets a report."""
    prefix = job.latest()
    collected = outcomes.Outcomes() if job.step() >= job.run.plan.train_steps else None
    record.evaluation = job.evaluate(prefix, collected)
    record.apart = evaluations.apart(job, prefix, moved=True)
    if record.apart:
        warn(record.apart)
        return
    evaluations.record(job, prefix, record.evaluation)
    if collected:
        record.report = report.write(job, record.evaluation, collected)


def _report(job, record):
    """Writes the report of a training that ended before its plan."""
    if record.evaluation and not record.report and not record.apart:
        say('report     evaluates once more, for the outcome of each image')
        collected = outcomes.Outcomes()
        metrics = job.evaluate(record.evaluation['checkpoint'], collected)
        record.report = report.write(job, metrics, collected)


def _closing(job, record, status, path):
    """The last lines: the numbers, the files, the next command."""
    measured = record.evaluation
    if status == 'preempted':
        say(f'{job.preemption.signal}: saved at step {job.step()}; '
            'the same command continues there')
        return
    if measured:
        say(f'top-1 {measured["top_1_accuracy"]:.4f} ({measured["weights"]} weights) on '
            f'{measured["eval_examples"]} images after {time.monotonic() - job.started:.0f} s')
    for picture in record.pictures:
        say(f'picture    {picture}')
    if record.report:
        say(f'report     {record.report[0]}')
    say(f'result     {path}')
    if status == 'completed' and job.params.mode == 'train_and_eval':
        source = ''.join(f' --{name}={getattr(job.params, name)}'
                         for name in ('data_dir', 'dataset') if getattr(job.params, name))
        say('next       python main.py --mode=eval '
            f'--model_name={job.network.name}{source} --model_dir={job.params.model_dir}')


MODES = {'train': train, 'train_and_eval': train_and_eval}
# Modes that neither train nor evaluate: function(network, params, open_inputs) -> exit code.
STANDALONE = {'predict': predict.run, 'export': export.run, 'benchmark': benchmark.run,
              'lr_find': lr_find.run, 'compare': compare.run, 'doctor': doctor.run,
              'import': import_weights.run}
