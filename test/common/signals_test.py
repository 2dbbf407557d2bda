"""What a signal does: at once where nothing is lost, remembered where there is; no TensorFlow."""

import signal
import subprocess
import sys
import time

import program
import pytest

LIMIT = 60      # seconds; a quiet machine needs one
BUSY = '''
import sys, time
from common import signals
signals.install()
signals.REPEAT_SECONDS = 60.0 if 'polite' in sys.argv else 1.0
signals.set_unsaved('unsaved' in sys.argv)
signals.set_last_words(lambda: print('last words', flush=True))
print('ready', flush=True)
until = time.time() + 30
while time.time() < until and not (signals.received() and 'polite' in sys.argv):
    time.sleep(0.01)
print(signals.received(), flush=True)
signals.over()
'''


def start(*words, **keywords):
    process = subprocess.Popen([sys.executable, '-c', BUSY] + list(words), cwd=program.ROOT,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               universal_newlines=True, **keywords)
    assert process.stdout.readline() == 'ready\n'
    return process


@pytest.mark.parametrize('name', ['SIGTERM', 'SIGINT', 'SIGUSR1', 'SIGHUP'])
def test_nothing_to_lose_stops_at_once(name):
    process = start()
    process.send_signal(getattr(signal, name))
    out, err = process.communicate(timeout=LIMIT)
    assert (process.returncode, out) == (75, 'last words\n')
    assert err == (f'WARNING: {name}: nothing to save, stopped at once; the same command goes '
                   'on\n')


def test_unsaved_work_is_told_and_repetitions_are_one_signal():
    process = start('unsaved', 'polite')
    for _ in range(5):
        process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=LIMIT)
    assert (process.returncode, out) == (0, 'SIGTERM\n')
    assert err.startswith('WARNING: SIGTERM: saving what is done')


def test_a_second_signal_later_stops_at_once():
    process = start('unsaved')
    process.send_signal(signal.SIGINT)
    assert process.stderr.readline().startswith('WARNING: SIGINT: saving')      # it was heard
    process.send_signal(signal.SIGINT)
    time.sleep(0.2)
    assert process.poll() is None
    time.sleep(1)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=LIMIT)
    assert process.returncode == 128 + signal.SIGTERM


def test_a_signal_after_the_work_changes_nothing():
    text = BUSY.split('until', maxsplit=1)[0] + """
class Late:
    def __del__(self):
        time.sleep(0.5)
late = Late()
signals.over()
print('done', flush=True)
"""
    process = subprocess.Popen([sys.executable, '-c', text], cwd=program.ROOT,
                               stdout=subprocess.PIPE, universal_newlines=True)
    assert [process.stdout.readline() for _ in range(2)] == ['ready\n', 'done\n']
    time.sleep(0.2)         # the interpreter is being taken down
    process.send_signal(signal.SIGUSR1)
    assert process.wait(timeout=LIMIT) == 0


def test_nohup_is_respected():
    process = start(preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    process.send_signal(signal.SIGHUP)
    time.sleep(0.2)
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=LIMIT) == 75


def test_a_forked_worker_dies_of_its_own_signal_and_the_parent_does_not():
    text = BUSY.split('until', maxsplit=1)[0] + '''
import multiprocessing, os, signal
child = multiprocessing.get_context('fork').Process(target=time.sleep, args=(30,))
child.start()
time.sleep(0.2)
child.terminate()
child.join()
print(child.exitcode, signals.received(), flush=True)
'''
    done = subprocess.run([sys.executable, '-c', text], cwd=program.ROOT, timeout=LIMIT,
                          stdout=subprocess.PIPE, universal_newlines=True)
    assert done.stdout == 'ready\n-15 None\n'


def test_the_console_may_go():
    text = '''
from common import console
import sys
console.say('heard')
sys.stdin.readline()
for _ in range(3):
    console.say('nobody listens')
console.warn('done')
'''
    process = subprocess.Popen([sys.executable, '-c', text], cwd=program.ROOT,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, universal_newlines=True)
    process.stdout.readline()
    process.stdout.close()
    process.stdin.write('go\n')
    process.stdin.close()
    assert process.stderr.read() == 'WARNING: done\n'
    assert process.wait(timeout=LIMIT) == 0
