"""One process an Ascend device: which are started, what they are told, how they end together."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time

import program
import pytest

from common.errors import FlagError
from launchers import hosts, ranks

GROUPS = {'group_count': '1', 'group_list': [{
    'group_name': 'worker', 'device_count': '2', 'instance_count': '1', 'instance_list': [{
        'devices': [{'device_id': '4', 'device_ip': '192.168.100.101'},
                    {'device_id': '5', 'device_ip': '192.168.101.101'}],
        'pod_name': 'ascend8p', 'server_id': '127.0.0.1'}]}], 'status': 'completed'}
SERVERS = {'version': '1.0', 'server_count': '1', 'status': 'completed', 'server_list': [{
    'server_id': 'host', 'device': [
        {'device_id': '3', 'device_ip': '192.168.101.101', 'rank_id': '1'},
        {'device_id': '2', 'device_ip': '192.168.100.101', 'rank_id': '0'}]}]}


@pytest.fixture
def table(tmp_path):
    def write(content):
        path = tmp_path / 'table.json'
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return str(path)
    return write


LOGS = {'ASCEND_GLOBAL_LOG_LEVEL': '3', 'ASCEND_SLOG_PRINT_TO_STDOUT': '0',
        'SLOG_PRINT_TO_STDOUT': '0'}


def plan(size, device, **environment):
    return ranks.plan(size, device, environment, root='/nowhere')


def test_a_rank_for_each_device_of_the_table(table):
    path = table(GROUPS)
    both = plan(8, 'npu', RANK_TABLE_FILE=path, ASCEND_DEVICE_ID='7')
    assert [rank.device for rank in both] == ['4', '5']
    assert both[1].environment == {
        **LOGS, 'DEVICE_ID': '5', 'DEVICE_INDEX': '1', 'RANK_ID': 'ascend8p', 'RANK_SIZE': '2',
        'RANK_TABLE_FILE': path, 'JOB_ID': '10087', 'HCCL_CONNECT_TIMEOUT': '600',
        'ASCEND_DEVICE_ID': None}      # logical; it would win over the table's physical DEVICE_ID
    both = plan(8, 'npu', RANK_TABLE_FILE=table(SERVERS))
    assert [(r.device, r.environment['RANK_ID']) for r in both] == [('2', '0'), ('3', '1')]


def test_the_originals_place_of_the_table(tmp_path):
    (tmp_path / 'configs').mkdir()
    (tmp_path / 'configs' / 'rank_table_8p.json').write_text(json.dumps(GROUPS))
    assert len(ranks.plan(8, 'npu', {}, root=str(tmp_path))) == 2
    (tmp_path / '8p.json').write_text(json.dumps(SERVERS))
    assert ranks.plan(8, 'npu', {}, root=str(tmp_path))[0].device == '2'


@pytest.mark.parametrize('content, said', [
    (b'\xff\xfe\n a b c\n', 'is no name:port'), (b'', 'fewer than two'),
    (b'a:1\na:1\n', 'twice'), (None, 'No such file')])
def test_a_hosts_file_that_cannot_be_used(tmp_path, content, said):
    if content is not None:
        (tmp_path / 'hosts').write_bytes(content)
    with pytest.raises(FlagError, match=said):
        hosts.read(str(tmp_path / 'hosts'))


def test_one_device_has_no_table(table):
    rank, = plan(1, 'npu', ASCEND_GLOBAL_LOG_LEVEL='1')
    assert rank.environment['ASCEND_GLOBAL_LOG_LEVEL'] == '1'
    rank, = plan(1, 'npu', RANK_TABLE_FILE=table(GROUPS), RANK_SIZE='8', RANK_ID='ascend8p',
                 ASCEND_DEVICE_ID='3')
    assert rank.device == '3'
    assert rank.environment == {**LOGS, 'ASCEND_DEVICE_ID': '3', 'RANK_SIZE': '1', 'RANK_ID': None,
                                'DEVICE_INDEX': None, 'RANK_TABLE_FILE': None, 'JOB_ID': '10087'}


def test_without_the_adapter_one_process_drives_all_devices(table):
    assert len(plan(8, None, RANK_TABLE_FILE=table(GROUPS))) == 1
    assert len(plan(8, 'gpu', RANK_TABLE_FILE=table(GROUPS))) == 1


def test_auto_means_ascend_where_the_adapter_is(table, tmp_path, monkeypatch):
    (tmp_path / 'npu_bridge').mkdir()
    (tmp_path / 'npu_bridge' / '__init__.py').write_text('raise AssertionError("imported")')
    monkeypatch.syspath_prepend(str(tmp_path))
    assert len(plan(8, None, RANK_TABLE_FILE=table(GROUPS))) == 2
    assert len(plan(8, 'auto')) == 1                                   # several, but no table
    assert plan(1, 'auto')[0].environment['RANK_TABLE_FILE'] is None
    assert 'RANK_TABLE_FILE' not in plan(1, 'cpu')[0].environment


@pytest.mark.parametrize('content, word', [
    ('', 'no rank table'), ('{}', 'no rank table'), ({'server_list': []}, '0 machines'),
    (dict(SERVERS, status='initializing'), 'status initializing'),
    ({'status': 'initializing'}, 'is not finished'),
    ([], 'is no rank table'),
    (dict(SERVERS, server_list=SERVERS['server_list'] * 2), '2 machines'),
    ({'server_list': [{'device': [{'device_id': '1', 'rank_id': '1'}]}]}, 'from 0'),
    ({'group_list': [{'instance_list': [{'pod_name': 'p', 'devices': [
        {'device_id': '1'}, {'device_id': '1'}]}]}]}, 'once')])
def test_a_table_that_cannot_be_used(table, content, word):
    with pytest.raises(FlagError) as error:
        plan(8, 'npu', RANK_TABLE_FILE=table(content))
    assert word in str(error.value)


def test_several_devices_need_a_table():
    done = program.command('bash', os.path.join(program.ROOT, 'train_full_8p.sh'), '--data_path=x',
                           '--device=npu')
    assert done.returncode == 2 and 'RANK_TABLE_FILE' in done.stderr
    assert 'Traceback' not in done.stderr


RUN = '''
import sys
from launchers import ranks
rows = [ranks.Rank(str(n + 4), {'DEVICE_INDEX': str(n)}) for n in range(3)]
ranks.GRACE, ranks.PATIENCE = 1, float(sys.argv[3])
code = ranks.run([sys.executable, '-c', sys.argv[1]], rows, sys.argv[2])
'''
LATE = '''
class Late:
    def __del__(self, time=__import__('time')):
        print('taken down', flush=True)
        time.sleep(1)
late = Late()
'''
LIMIT = 60      # seconds; a quiet machine needs a few


def start(child, base, patience=1, before=''):
    child = 'import os, signal, sys, time; index = os.environ["DEVICE_INDEX"]\n' + child
    return subprocess.Popen(
        [sys.executable, '-c', before + RUN + 'sys.exit(code)', child, str(base), str(patience)],
        cwd=program.ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)


def when_all_say(word, process, base):
    """Waits until all three ranks have said a word."""
    logs = [base / str(n) / f'train_{n}.log' for n in (4, 5, 6)]
    while not all(log.exists() and word in log.read_text() for log in logs):
        assert process.poll() is None
        time.sleep(0.05)


def test_a_rank_that_fails_ends_the_others(tmp_path):
    # rank 0 waits for ever and does not listen, as in an all-reduce
    said = str(tmp_path / 'said')
    process = start('signal.signal(signal.SIGTERM, lambda *_: None)\n'
                    'print("I am", index, flush=True)\n'
                    f'if index == "0": open({said!r}, "w").close()\n'
                    f'while not os.path.exists({said!r}): time.sleep(0.01)\n'
                    'sys.exit(4) if index == "1" else [time.sleep(1) for _ in range(600)]',
                    tmp_path)
    out, err = process.communicate(timeout=LIMIT)
    assert process.returncode == 4
    assert 'rank 1 of 3 (device 5) ended with exit code 4' in err and 'train_5.log' in err
    assert out == 'I am 0\n' and (tmp_path / '4' / 'train_4.log').read_text() == 'I am 0\n'
    assert (tmp_path / '6' / 'train_6.log').read_text() in ('', 'I am 2\n')


def test_a_killed_rank_is_a_failure(tmp_path):
    process = start('os.kill(os.getpid(), 9) if index == "2" else time.sleep(600)', tmp_path)
    process.communicate(timeout=LIMIT)
    assert process.returncode == 128 + 9


def test_ranks_above_0_may_end_first_but_not_hang_after_it(tmp_path):
    early = start(f'over = lambda n: os.path.join({str(tmp_path)!r}, f"over-{{n}}")\n'
                  'if index != "0": open(over(index), "w").close(); sys.exit()\n'
                  'while not (os.path.exists(over(1)) and os.path.exists(over(2))): time.sleep(.05)'
                  '\ntime.sleep(.3)', tmp_path / 'a', patience=LIMIT)
    process = start('sys.exit(0) if index == "0" else time.sleep(600)', tmp_path / 'b')
    early.communicate(timeout=LIMIT)
    assert early.returncode == 0
    _, err = process.communicate(timeout=LIMIT)
    assert process.returncode == 1 and 'rank 1, 2 did not end' in err


def test_a_signal_reaches_every_rank_once(tmp_path):
    child = ('got = []\nsignal.signal(signal.SIGTERM, lambda *_: got.append(1))\n'
             'print("ready", flush=True)\n'
             'while not got: time.sleep(0.05)\n'
             'time.sleep(0.5)\nsys.exit(75 if len(got) == 1 else 9)')
    process = start(child, tmp_path, patience=LIMIT)
    when_all_say('ready', process, tmp_path)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=LIMIT)
    assert process.returncode == 75


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGHUP])
def test_a_signal_before_the_ranks_listen_ends_them_silently(tmp_path, number):
    """As when Python itself is still starting."""
    process = start('print("ready", flush=True); time.sleep(600)', tmp_path)
    when_all_say('ready', process, tmp_path)
    process.send_signal(number)
    out, err = process.communicate(timeout=LIMIT)
    assert (process.returncode, out, err) == (75, 'ready\n', '')


def test_a_signal_after_the_end_changes_nothing(tmp_path):
    process = start('', tmp_path, before=LATE)
    assert process.stdout.readline() == 'taken down\n'
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=LIMIT) == 0


def test_a_signal_to_a_rank_that_has_just_gone(tmp_path):
    """It comes while the main thread is in poll(), which knows of the end but has not said so."""
    process = subprocess.Popen([sys.executable, '-c', ''])
    os.waitpid(process.pid, 0)
    with process._waitpid_lock:
        ranks._signal([process], signal.SIGTERM)    # raised ProcessLookupError
    assert process.poll() == 0


@pytest.mark.skipif(not os.path.exists('/proc/self/cmdline'), reason='asks /proc')
def test_a_rank_that_cannot_be_started_ends_the_others(tmp_path):
    (tmp_path / '5').write_text('not a folder')
    process = start(f'time.sleep(600)  # {tmp_path}', tmp_path)
    process.communicate(timeout=LIMIT)
    assert process.returncode == 1
    left = []
    for pid in filter(str.isdigit, os.listdir('/proc')):
        with contextlib.suppress(OSError), open(f'/proc/{pid}/cmdline') as words:
            left += [pid] if f'# {tmp_path}' in words.read() else []
    assert left == []


def test_a_console_that_goes_does_not_hold_up_the_processes(tmp_path):
    process = start('print("x" * 9999, flush=True); time.sleep(0.3)\n'
                    'for _ in range(50): print("y" * 9999, flush=True)', tmp_path)
    process.stdout.read(10)
    process.stdout.close()
    assert process.wait(timeout=LIMIT) == 0
    assert len((tmp_path / '4' / 'train_4.log').read_text()) == 51 * 10000
