"""Every call as a line of JSON in calls-RANK.jsonl."""

import json
import os
import time


def rank():
    """Number of this process among the ranks."""
    if os.environ.get('RANK_SIZE', '1') == '1':
        return 0
    name = os.environ.get('RANK_ID', '')
    return int(name if name.isdigit() else os.environ['DEVICE_INDEX'])


def write(call, **arguments):
    """Adds one call."""
    path = os.path.join(os.environ['NPU_STAND_IN_DIR'], f'calls-{rank()}.jsonl')
    line = dict(call=call, arguments=arguments, rank=rank(), time=time.time(), pid=os.getpid())
    with open(path, 'a') as stream:
        stream.write(json.dumps(line, default=_text) + '\n')


def _text(value):
    if hasattr(value, 'parameters'):        # DumpConfig, ProfilingConfig
        return value.parameters
    return type(value).__name__
