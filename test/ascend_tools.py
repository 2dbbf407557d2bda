"""Puts the stand-in for npu_bridge in place, reads what it wrote down, launches ranks on it."""

import json
import os
import sys

import program

STAND_IN = os.path.join(program.ROOT, 'test', 'ascend', 'stand_in')
VERSIONS = ('r1.2.0', 'r1.5.0', 'r1.10.0', 'r1.11.0', 'master')
# What an environment may hold already; the tests begin without it.
VARIABLES = ('RANK_SIZE', 'RANK_ID', 'RANK_TABLE_FILE', 'DEVICE_ID', 'DEVICE_INDEX', 'JOB_ID',
             'ASCEND_DEVICE_ID', 'CM_WORKER_SIZE', 'CM_CHIEF_IP', 'PRINT_MODEL', 'DUMP_GE_GRAPH',
             'DUMP_GRAPH_PATH', 'NPU_STAND_IN_OVERFLOW')


def install(monkeypatch, folder, version='master', **environment):
    """The stand-in of one version for this process; returns calls(name)."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name in [name for name in sys.modules if name.split('.')[0] == 'npu_bridge']:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(STAND_IN)
    for name, value in dict(environment, NPU_STAND_IN_VERSION=version,
                            NPU_STAND_IN_DIR=str(folder)).items():
        monkeypatch.setenv(name, value)
    return lambda name, rank=0: calls(folder, name, rank)


def calls(folder, name, rank=0):
    """[arguments] of every call of that name a rank made, in order."""
    with open(os.path.join(str(folder), f'calls-{rank}.jsonl')) as stream:
        lines = [json.loads(line) for line in stream]
    return [line['arguments'] for line in lines if line['call'] == name]


def environment(folder, size):
    """Environment of a launcher of `size` ranks; writes their rank table."""
    folder = str(folder)
    os.makedirs(folder, exist_ok=True)
    table = os.path.join(folder, 'table.json')
    devices = [{'device_id': str(n), 'device_ip': f'192.168.100.{n + 1}'} for n in range(size)]
    with open(table, 'w') as stream:
        json.dump({'group_count': '1', 'group_list': [{
            'group_name': 'worker', 'device_count': str(size), 'instance_count': '1',
            'instance_list': [{'devices': devices, 'pod_name': 'ascend8p',
                               'server_id': '127.0.0.1'}]}], 'status': 'completed'}, stream)
    kept = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    return dict(kept, PYTHON=sys.executable, PYTHONPATH=STAND_IN, RANK_TABLE_FILE=table,
                NPU_STAND_IN_DIR=folder)
