"""Signs of life between processes, and how the processes of a run are listed."""

import json
import os
import signal
import subprocess
import sys
import time

import program
import pytest
from processes import free_addresses

from common.errors import FlagError
from estimator.devices import hosts

WATCHED = '''
import sys, time
from common import signals
signals.install()
from estimator.devices import hosts, watch
def work(_):
    print('ready', flush=True)
    time.sleep(float(sys.argv[3]))
    return int(sys.argv[4])
found = hosts.Hosts(tuple(sys.argv[1].split(',')), int(sys.argv[2]))
sys.exit(watch.watched(found, 3, work))
'''


def start(codes, seconds=60):
    """(addresses, watched processes that sleep and end with these codes)."""
    listed = free_addresses(len(codes))
    environment = dict(os.environ, PYTHONPATH=program.ROOT)
    found = [subprocess.Popen(
        [sys.executable, '-c', WATCHED, ','.join(listed), str(index),
         str(seconds if code is None else .5), str(code or 0)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True, env=environment)
        for index, code in enumerate(codes)]
    return listed, found


@pytest.fixture(scope='module')
def groups():
    """{what happens: (addresses, processes)}, all at once: each takes seconds of waiting."""
    found = {happens: start(codes) for happens, codes in (
        ('done and failed', [0, 3, None]), (signal.SIGKILL, [None] * 3),
        (signal.SIGSTOP, [None] * 3), (signal.SIGTERM, [None] * 3))}
    for process in sum((processes for _, processes in found.values()), []):
        assert process.stdout.readline() == 'ready\n'      # they have heard of each other
    for number in (signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM):
        found[number][1][1].send_signal(number)
    yield found
    for process in sum((processes for _, processes in found.values()), []):
        process.kill()
        process.wait()


@pytest.mark.parametrize('number', [signal.SIGKILL, signal.SIGSTOP])
def test_a_dead_or_stopped_process_is_named_by_all_others(groups, number):
    listed, processes = groups[number]
    begun = time.time()
    for process in (processes[0], processes[2]):
        _, said = process.communicate(timeout=60)
        assert process.returncode == 6
        assert f'process 1 ({listed[1]})' in said and 'start the same command' in said
    assert time.time() - begun < 60


def test_one_that_is_done_is_not_missed_and_one_that_failed_is(groups):
    listed, processes = groups['done and failed']
    _, said = processes[2].communicate(timeout=60)
    assert [process.wait() for process in processes] == [0, 3, 6]
    assert f'process 1 ({listed[1]}) ended with exit code 3' in said


def test_a_signal_to_one_stops_all(groups):
    _, processes = groups[signal.SIGTERM]
    assert [process.wait(timeout=60) for process in processes] == [75] * 3


def test_hosts_by_flags_or_by_tf_config(monkeypatch):
    two = ('a:1', 'b:2')
    assert hosts.find(two, 1, {}) == hosts.Hosts(two, 1)
    assert hosts.find((), None, {}) == hosts.find(('a:1',), 0, {}) == hosts.Hosts()
    cluster = {'chief': ['a:1'], 'worker': ['b:2', 'c:3']}
    for kind, index, place in (('chief', 0, 0), ('worker', 1, 2)):
        text = json.dumps({'cluster': cluster, 'task': {'type': kind, 'index': index}})
        found = hosts.find((), None, {'TF_CONFIG': text})
        assert found == hosts.Hosts(('a:1', 'b:2', 'c:3'), place)
    monkeypatch.setenv('no_grpc_proxy', 'c,a')
    with hosts.tf_config(hosts.Hosts(two, 1)):
        assert hosts.find((), None, os.environ) == hosts.Hosts(two, 1)
    assert 'TF_CONFIG' not in os.environ and os.environ['no_grpc_proxy'] == 'c,a,b'


@pytest.mark.parametrize('given, index, config, said', [
    ((), 1, None, 'needs --hosts'), (('a', 'b:1'), 0, None, "'a' is no NAME:PORT"),
    (('a:1', 'a:1'), 0, None, 'twice'), (('a:1', 'b:1'), None, None, 'from 0 to 1'),
    (('a:1', 'b:1'), 2, None, 'from 0 to 1'), ((), None, '{', 'no JSON'),
    ((), None, '{"cluster": {"worker": [1, 2]}}', 'no NAME:PORT'),
    ((), None, '{"cluster": {"worker": ["a:1", "b:1"], "ps": ["c:1"]}}', 'parameter server'),
])
def test_mistakes_in_hosts(given, index, config, said):
    with pytest.raises(FlagError, match=said):
        hosts.find(given, index, {'TF_CONFIG': config})


DEADLOCKED = '''
import sys, time
from common import errors
from estimator.devices import hosts, watch
watch.SESSION = .2
def work(watching):
    hook = watching.session_limit()
    for begins in sys.argv[2].split(','):
        hook.begin()
        if begins == 'yes':
            hook.after_create_session(None, None)
        if begins == 'error':
            raise errors.DataError('session')
        time.sleep(1 if begins == 'yes' else 60)
    return 0
sys.exit(watch.watched(hosts.Hosts((sys.argv[1],), 0), 3, work))
'''


@pytest.mark.parametrize('sessions, code', [('yes,no', 6), ('yes,yes', 0), ('error', 1)])
def test_a_session_that_does_not_begin_is_an_end(sessions, code):
    address, = free_addresses(1)
    done = subprocess.run(
        [sys.executable, '-c', DEADLOCKED, address, sessions], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, universal_newlines=True,
        env=dict(os.environ, PYTHONPATH=program.ROOT))
    assert done.returncode == code, done.stderr
    assert ('start the same command on all hosts again' in done.stderr) == (code == 6)
