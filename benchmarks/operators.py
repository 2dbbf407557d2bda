"""Where the time of a step goes: the operators of one network, the costliest first.

    python benchmarks/operators.py NETWORK train|inference [--folder=...] [--original] [--top=15]

Times are summed over the threads that ran an operator, from TensorFlow's own traces of --steps
steps; the share is of all operators together. --folder with --original profiles the original's
code (see contestants.py).
"""

import argparse
import collections
import os
import sys

os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import contestants
import tensorflow.compat.v1 as tf


def traces(session, target, steps):
    """StepStats of some steps, after two that do not count."""
    session.run(target)
    session.run(target)
    options = tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE)
    for _ in range(steps):
        metadata = tf.RunMetadata()
        session.run(target, options=options, run_metadata=metadata)
        yield metadata.step_stats


def by_operator(all_stats, names, each):
    """{operator: (milliseconds a step, times it ran a step)}; `each`: by node, not by type."""
    spent, count, steps = collections.Counter(), collections.Counter(), 0
    for stats in all_stats:
        steps += 1
        for device in stats.dev_stats:
            for node in device.node_stats:
                kind = node.timeline_label.split(' = ')[-1].split('(')[0]
                kind = node.node_name if each else kind or names.get(node.node_name, '?')
                spent[kind] += node.op_end_rel_micros - node.op_start_rel_micros
                count[kind] += 1
    return {kind: (spent[kind] / 1000 / steps, count[kind] // steps) for kind in spent}


def main(argv):
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('network')
    parser.add_argument('mode', choices=['train', 'inference'])
    parser.add_argument('--folder', default=os.path.dirname(os.path.dirname(
        os.path.abspath(__file__))))
    parser.add_argument('--original', action='store_true')
    parser.add_argument('--batch', type=int, default=16)
    parser.add_argument('--size', type=int, default=224)
    parser.add_argument('--steps', type=int, default=3)
    parser.add_argument('--top', type=int, default=15)
    parser.add_argument('--each', action='store_true', help='by node instead of by type')
    options = parser.parse_args(argv)
    if not options.original:
        contestants.set_allocator(options.folder, options.mode)
    session, target = contestants.tensorflow_session(
        'original' if options.original else 'ours', options.folder, options.network, options.mode,
        options.batch, options.size)
    names = {op.name: op.type for op in tf.get_default_graph().get_operations()}
    rows = by_operator(traces(session, target, options.steps), names, options.each)
    total = sum(spent for spent, _ in rows.values())
    print(f'{options.network} {options.mode}, TensorFlow {tf.version.VERSION}: '
          f'{total:.0f} ms of operators a step')
    for kind in sorted(rows, key=rows.get, reverse=True)[:options.top]:
        spent, count = rows[kind]
        print(f'{spent:9.1f} ms {spent / total:6.1%} {count:5}  {kind}')


if __name__ == '__main__':
    main(sys.argv[1:])
