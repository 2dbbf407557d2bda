"""`--mode=eval`: one checkpoint, all of a folder, or each new one beside a training.

It writes evaluation.json (evaluation_NAME.json with --eval_name) and, of one checkpoint, the report
of estimator.report.write. It leaves the training's params.json and result.json alone. On the
training's own data it also adds to eval.csv and may become the best checkpoint. Without write
access to model_dir it only prints.
"""

import contextlib
import os
import shutil
import tempfile
import time

from common import files, storage
from common.console import say, warn
from common.errors import CheckpointError
from estimator import announcement, evaluations, results
from estimator.checkpoints import finding, reading
from estimator.hooks import outcomes
from estimator.job import Job
from estimator.lock import recording
from estimator.modes import evaluate_exported
from estimator.report import write as report


def run(network, params, open_inputs):
    """Evaluates as the flags say; returns 0. A signal ends the program at once."""
    if params.exported:
        return evaluate_exported.run(network, params, open_inputs)
    inputs = open_inputs()
    with _place(params) as (model_dir, writable):
        if params.eval_timeout:
            found = _as_they_appear(params)
        elif params.eval_all:
            found = ((prefix, '--eval_all') for prefix in
                     reading.every(params.init_checkpoint or params.model_dir))
        else:
            found = [finding.chosen(params.model_dir, params.init_checkpoint)]
        _evaluate(network, params, inputs, found, model_dir, writable)
    return 0


@contextlib.contextmanager
def _place(params):
    """(folder of the events, whether model_dir can be written)."""
    if files.can_write(params.model_dir):
        yield params.model_dir, True
        return
    warn(f'{params.model_dir} cannot be written: the evaluation is only printed')
    scratch = tempfile.mkdtemp(prefix='evaluation-')
    try:
        yield scratch, False
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _evaluate(network, params, inputs, found, model_dir, writable):
    record, job, told = results.Record(), None, None
    for prefix, why in found:
        try:
            if job is None:
                job = Job(network, params, inputs, prefix, model_dir)
                job.say_data()
                for line in announcement.of_evaluation(job.run):
                    say(line)
            say(f'checkpoint {prefix} ({why})')
            collected = outcomes.Outcomes() if _reports(params) and writable else None
            record.evaluation = job.evaluate(prefix, collected)
        except CheckpointError as error:
            if storage.exists(prefix + '.index'):
                raise
            warn(f'{prefix} has been removed meanwhile ({error})')
            continue
        if params.eval_all:
            record.evaluations.append(
                dict(record.evaluation, global_step=reading.step_of(prefix)))
        if collected:
            record.report = report.write(job, record.evaluation, collected)
        apart = evaluations.apart(job, prefix)      # a training may have begun anew meanwhile
        if apart and apart != told:
            warn(apart)
        told = apart
        if writable:
            with job.told():
                _keep(job, record, prefix, own=not apart and not params.eval_name)
        if params.eval_timeout and _is_last(job, prefix):
            break
    if not record.evaluation:
        raise CheckpointError(f'{params.model_dir}: no checkpoint appeared within '
                              f'--eval_timeout={params.eval_timeout} seconds.'
                              if params.eval_timeout else 'No checkpoint could be read.')


def _reports(params):
    """Whether the evaluation is of one checkpoint, and not of a series."""
    return not params.eval_all and not params.eval_timeout


def _keep(job, record, prefix, own):
    """Writes the evaluation's own file and, where it is the run's, its row and the best."""
    folder = job.params.model_dir
    if own and storage.absolute(os.path.dirname(prefix)) == storage.absolute(folder):
        evaluations.record(job, prefix, record.evaluation)
    name = f'evaluation_{job.params.eval_name}.json' if job.params.eval_name else 'evaluation.json'
    files.make_folder(folder)
    path = os.path.join(folder, name)
    if record.report:
        say(f'report     {record.report[0]}')
    with recording(folder):
        job.finish('completed', record, path, prefix)
    say(f'result     {path}')


def _is_last(job, prefix):
    """Whether a training ends with this checkpoint."""
    planned = job.run.plan.train_steps if job.run.plan else None
    last = results.resolved_of(job.params.model_dir).get('train_steps') or planned
    return last is not None and reading.step_of(prefix) >= last


def _as_they_appear(params):
    """(prefix, why) of the newest checkpoint, whenever it is another one.

    Ends when none has come for --eval_timeout seconds.
    """
    folder = params.init_checkpoint or params.model_dir
    seen, waited = None, 0
    while waited < params.eval_timeout:
        prefix = reading.newest(folder)
        if prefix != seen:
            seen, waited = prefix, 0
            yield prefix, f'the newest of {folder}'
        else:
            time.sleep(1)
            waited += 1
