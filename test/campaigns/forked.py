"""Runs of main.py forked from a process that has imported TensorFlow already: seconds less each."""

import importlib
import os
import signal
import subprocess
import sys
import time
import traceback

HANG = 120      # seconds


class Child:
    """A forked process, with the methods of subprocess.Popen that are needed here."""

    def __init__(self, function):
        sys.stdout.flush()
        self.pid, self._code = os.fork(), None
        if not self.pid:
            code = 1
            try:
                code = function() or 0
            except BaseException:  # pylint: disable=broad-except
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(code)

    def poll(self):
        """Exit code, None while it runs."""
        if self._code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._code = (os.WEXITSTATUS(status) if os.WIFEXITED(status)
                              else -os.WTERMSIG(status))
        return self._code

    def wait(self, timeout=HANG):
        """Exit code; subprocess.TimeoutExpired."""
        until = time.time() + timeout
        while self.poll() is None:
            if time.time() > until:
                raise subprocess.TimeoutExpired('main.py', timeout)
            time.sleep(0.005)
        return self._code

    def send_signal(self, number):
        """Unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self):
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)


def warm_up():
    """Imports what a run imports, so that only what follows is repeated."""
    import tensorflow.compat.v1 as tf

    import main
    from common import console
    tf.disable_v2_behavior()
    tf.enable_resource_variables()
    console.silence_import()
    importlib.import_module('estimator.runner')
    importlib.import_module('program')
    importlib.import_module('PIL.Image')
    assert main.main


def run_here(words, output):
    """main.py as a script, in this process."""
    import main
    from common import signals
    os.dup2(output.fileno(), 1)
    os.dup2(output.fileno(), 2)
    signals.install()
    try:
        code = main.main(['main.py'] + words)
    except Exception as error:  # pylint: disable=broad-except
        if not hasattr(error, 'exit_code'):
            raise
        code = main.report(error)
    signals.over()
    sys.stdout.flush()
    return code
