"""What a profile says: a text of operators, memory and waiting, and a timeline of one step."""

import collections
import os
import re
import resource

import numpy as np

from common.files import write_text

Trace = collections.namedtuple('Trace', ['step', 'images', 'seconds', 'input_wait', 'stats'])
Trace.__doc__ = """One traced session run.

step: it started from; images: its batch; seconds: its length; input_wait: seconds until its inputs
were there, or None; stats: tf.StepStats.
"""
SHOWN = 15
_OPERATOR = re.compile(r' = (\w+)\(')
# Their time is waiting, not work; it has a line of its own.
_WAITING = ('IteratorGetNext', 'IteratorGetNextSync', '_Recv', '_HostRecv')


def write(directory, traces, kind):
    """Writes the summary of all traces and the timeline of the last; returns both paths."""
    os.makedirs(directory, exist_ok=True)
    name = f'{traces[0].step}-{traces[-1].step}'
    summary = os.path.join(directory, f'profile_{name}.txt')
    timeline = os.path.join(directory, f'timeline_step_{traces[-1].step}.json')
    trace, peaks = _timeline(traces[-1].stats)
    write_text(timeline, trace)
    write_text(summary, '\n'.join(lines(traces, peaks, kind)) + '\n')
    return summary, timeline


def lines(traces, peaks, kind):
    """The text of a summary. peaks: {allocator: bytes}."""
    seconds = np.mean([trace.seconds for trace in traces])
    text = [f'Steps {traces[0].step} to {traces[-1].step} on {kind}: {len(traces)} traced runs of '
            f'{traces[0].images} images; tracing makes them slower than others.', '',
            f'time of a run    {1000 * seconds:.2f} ms']
    waits = [trace.input_wait for trace in traces if trace.input_wait is not None]
    if waits:
        wait = max(0.0, np.mean(waits))
        text.append(f'input waiting    {1000 * wait:.2f} ms, {min(1.0, wait / seconds):.1%}')
    for allocator, size in sorted(peaks.items()):
        text.append(f'memory peak      {size / 1e6:.1f} MB of tensors in {allocator}')
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    text.append(f'memory peak      {resident / 1e3:.1f} MB, the whole process')
    by_type, by_name = operators(traces)
    total = sum(sum(times) for times in by_type.values()) or 1.0
    text.append(f'operator time    {total / len(traces) / 1000:.2f} ms a run, over all threads')
    for title, table in (('operator types', by_type), ('single operators', by_name)):
        text += ['', f'{title} by time', f'{"share":>7} {"ms/run":>9} {"calls/run":>10}  name']
        ranked = sorted(table.items(), key=lambda item: -sum(item[1]))[:SHOWN]
        text += [f'{sum(times) / total:7.1%} {sum(times) / len(traces) / 1000:9.3f} '
                 f'{len(times) / len(traces):10.1f}  {name}' for name, times in ranked]
    return text


def operators(traces):
    """({type: microseconds of each call}, {name (type): the same}) of what computes."""
    by_type, by_name = collections.defaultdict(list), collections.defaultdict(list)
    for trace in traces:
        for device in _computing(trace.stats.dev_stats):
            for node in device.node_stats:
                found = _OPERATOR.search(node.timeline_label)
                kind = found.group(1) if found else node.node_name.split(':')[-1]
                if kind in _WAITING or node.node_name == '_SOURCE':
                    continue
                time = node.op_end_rel_micros - node.op_start_rel_micros
                by_type[kind].append(time)
                by_name[f'{node.node_name} ({kind})'].append(time)
    return by_type, by_name


def _computing(devices):
    """The device lines that hold the kernels: a GPU's streams where there are some."""
    streams = [device for device in devices if device.device.endswith('stream:all')]
    return streams or [device for device in devices
                       if '/job:' in device.device or device.device.startswith('/device:')]


def _timeline(stats):
    """(chrome trace as JSON text, {allocator: peak bytes}) of one step."""
    from tensorflow.python.client import timeline
    traced = timeline.Timeline(stats)
    text = traced.generate_chrome_trace_format(show_memory=True)
    peaks = traced.analyze_step_stats(show_memory=True).allocator_maximums
    return text, {name: peak.num_bytes for name, peak in peaks.items() if name}
