"""What a run prints: TensorFlow's useful lines without its flood, and our own."""

import contextlib
import errno
import logging
import os
import sys
import warnings

# Lines of TensorFlow that repeat what the graph does on every build and that nobody can act on.
NOISE = (
    'Calling model_fn', 'Done calling model_fn', 'Graph was finalized', 'Running local_init_op',
    'Done running local_init_op', 'Create CheckpointSaverHook', 'Using config:',
    'is deprecated', 'From ', 'Instructions for updating', 'Issue encountered when serializing',
    "'NoneType' object has no attribute", 'Type is unsupported', 'Starting evaluation at',
    'Finished evaluation at', 'Inference Time', 'Restoring parameters from',
    'Saving dict for global step', 'Saving checkpoint_path', "Saving 'checkpoint_path'",
    "Saving 'eval_results'", 'Skipping training since max_steps', 'Calling checkpoint listeners',
    'It seems that global step', 'Saving checkpoints for', 'Training with estimator made no steps',
    'Loss for final step', 'checkpoints before', 'the file system',
    'No assets to', 'SavedModel written to', 'Froze ', 'variables to const ops',
    'Using temporary folder', 'tf.keras', 'Not all devices in `tf.distribute.Strategy`',
    'Some requested devices in `tf.distribute.Strategy`', 'Reduce to /', 'batch_all_reduce:',
    'Using MirroredStrategy with devices', 'Initializing RunConfig with distribution strategies',
    'Not using Distribute Coordinator', 'TF_CONFIG environment variable', 'Strategy with cluster_',
    'for Distribute Coordinator with', 'Check health not enabled', 'Running `train_and_evaluate`',
    'Running Distribute Coordinator', 'Starting standard TensorFlow server', 'Updated config:',
    'all_hooks [', 'Creating chief session creator', 'Collective all_reduce', 'Collective batch_',
    'Starting eval for', '`input_fn` accepts an `input_context`',
    '`eval_strategy` is not passed in',
)


def own_streams():
    """Call first: the standard streams are there, take every character and show lines at once.

    A program that was started without one (`>&-`) would otherwise give its number to the next file
    it opens, a checkpoint perhaps, and C++ would write its messages into that.
    """
    number = os.open(os.devnull, os.O_RDWR)
    while number <= 2:
        os.set_inheritable(number, True)
        number = os.dup(number)
    os.close(number)
    for name, mode in ('stdin', 'r'), ('stdout', 'w'), ('stderr', 'w'):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))
    for stream in sys.stdout, sys.stderr:
        if hasattr(stream, 'reconfigure'):      # not one that a notebook or a test puts there
            stream.reconfigure(errors='backslashreplace', line_buffering=True)


class _QuietFilter(logging.Filter):
    def filter(self, record):
        message = record.getMessage()
        return not any(noise in message for noise in NOISE)


def silence_import():
    """Call before TensorFlow is imported: hides its C++ notes and numpy's FutureWarnings."""
    # Errors of its C++ come back as exceptions; what it prints besides is about missing CUDA.
    os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
    os.environ.setdefault('TF_ENABLE_ONEDNN_OPTS', '1')
    warnings.filterwarnings('ignore', category=FutureWarning)
    warnings.filterwarnings('ignore', category=DeprecationWarning)
    warnings.filterwarnings('ignore', 'To make it possible to preserve tf.data options')


def configure(verbose=False):
    """Call after TensorFlow is imported: one handler, `INFO:tensorflow:...` lines, no noise."""
    logger = logging.getLogger('tensorflow')
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter('%(levelname)s:%(name)s:%(message)s'))
    if not verbose:
        handler.addFilter(_QuietFilter())
    logger.addHandler(handler)
    logger.propagate = False
    logger.setLevel(logging.INFO)


def say(message):
    """Prints one line at once, so that a pipe or a launcher's log sees it in time."""
    _print(message, sys.stdout)


def log(message):
    """Prints one line beside the results, where a program's log goes."""
    _print(message, sys.stderr)


def warn(message):
    """Prints one line that starts with WARNING."""
    _print(f'WARNING: {message}', sys.stderr)


def _print(line, stream):
    """A terminal that has gone, a closed pipe or a full disk costs the line, never the run."""
    try:
        print(line, file=stream, flush=True)
    except UnicodeEncodeError:
        print(line.encode('ascii', 'backslashreplace').decode(), file=stream, flush=True)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            with contextlib.suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def duration(seconds):
    """1:02:03, 4:05 or 7 s, whichever reads best."""
    seconds = int(round(seconds))
    if seconds < 60:
        return f'{seconds} s'
    hours, rest = divmod(seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    return f'{hours}:{minutes:02d}:{seconds:02d}' if hours else f'{minutes}:{seconds:02d}'


@contextlib.contextmanager
def quiet():
    """Keeps what C++ prints about a success off the terminal."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(os.devnull, 'w') as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
