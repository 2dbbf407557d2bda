"""This project's networks against the originals' code and timm, in alternation.

    python benchmarks/compare.py --with=original=PYTHON:FOLDER --with=timm=PYTHON: \\
        [--networks=mixnet-s,mobilenet_v2] [--modes=train,inference] [--python=PYTHON]

Each contestant is a process of its own (contestants.py), all alive at once; in every round each
works for --seconds in turn, so that a slow minute of the machine falls on all. The table gives
images/s as the median over all steps, with the quarter points of the steps as spread, and the
processor seconds of a step over all threads; then this project's speed over the others', by the
clock and by the processor, and the part of the machine's matrix-product peak that its multiply-adds
come to (the best of the installed libraries, measured in the same run). `others` is the share of
the cores that went to other programs meanwhile: above a few percent the clock's figures mean
little, and the processor's are a hint.

--with=ours=PYTHON:FOLDER compares with another checkout of this project. FOLDER of `original`
holds models/official of tensorflow/tpu; nothing of it is part of this project. A contestant that
lacks a network (the TPU models have no MobileNets) is left out there.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
sys.path.insert(0, HERE)

import contestants

# Multiply-adds of one image at 224x224, in millions: `--mode=inspect`.
MULTIPLY_ADDS = {'mixnet-s': 239, 'efficientnet-condconv-b0-8e': 407, 'mnasnet-a1': 312,
                 'mobilenet_v2': 301, 'mobilenet_v1': 569}
PASSES = {'train': 3, 'inference': 1}       # a gradient costs two forward passes


class Contestant:
    """A process that steps when told."""

    def __init__(self, label, python, folder, network, mode, batch, size):
        self.label, self.seconds, self.cpu, self.memory, self.shares = label, [], [], 0, []
        kind = label.split('/')[0]
        self._process = subprocess.Popen(
            [python, os.path.join(HERE, 'contestants.py'), kind, folder, network, mode,
             str(batch), str(size)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            universal_newlines=True)

    def ready(self):
        """Waits for the first step; {'versions', 'first_step'} or None when it failed."""
        self.facts = self._answer()
        return self.facts

    def work(self, seconds):
        """One turn."""
        self._process.stdin.write(f'{seconds}\n')
        self._process.stdin.flush()
        before = busy()
        answer = self._answer()
        self.seconds += answer['seconds']
        self.cpu += answer['cpu']
        self.memory = answer['memory']
        others = max(0.0, busy() - before - sum(answer['cpu']))
        self.shares.append(others / os.cpu_count() / sum(answer['seconds']))

    def close(self):
        """Ends the process."""
        self._process.stdin.close()
        self._process.wait()

    def _answer(self):
        for line in self._process.stdout:
            if line.startswith('{'):
                return json.loads(line)
        return None


def busy():
    """Seconds that all cores together have worked since the machine started; 0 if unknown."""
    if not os.path.exists('/proc/stat'):
        return 0.0
    with open('/proc/stat') as stream:
        ticks = [int(word) for word in stream.readline().split()[1:9]]
    return (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf('SC_CLK_TCK')


def match(rivals, network, mode, options):
    """Rows of one network in one mode, the first being ours."""
    ours = [('ours', options.python, ROOT)]
    entered = [Contestant(*rival, network, mode, options.batch, options.size)
               for rival in ours + [r for r in rivals if has(r[0], network)]]
    try:
        playing = [c for c in entered if c.ready()]
        for _ in range(options.rounds):
            for contestant in playing:
                contestant.work(options.seconds)
    finally:
        for contestant in entered:
            contestant.close()
    return [row_of(c, options.batch) for c in playing]


def has(kind, network):
    """Whether a kind of contestant has a network."""
    return not kind.startswith('original') or bool(contestants.OTHERS[network][0])


def row_of(contestant, batch):
    """Figures of a contestant as a dict."""
    low, median, high = quartiles(contestant.seconds)
    return {'who': contestant.label, 'versions': contestant.facts['versions'],
            'images_per_sec': batch / median, 'low': batch / high, 'high': batch / low,
            'steps': len(contestant.seconds), 'cpu': statistics.median(contestant.cpu),
            'others': statistics.mean(contestant.shares),
            'first_step': contestant.facts['first_step'],
            'memory': contestant.memory}


def quartiles(values):
    """Lower quarter point, median, upper quarter point."""
    values = sorted(values)
    last = len(values) - 1
    return values[last // 4], statistics.median(values), values[last - last // 4]


def lines_of(network, mode, rows, peak):
    """Markdown rows of a match."""
    ours = rows[0]['images_per_sec']
    share = 2e-3 * MULTIPLY_ADDS[network] * PASSES[mode] * ours / peak
    for row in rows:
        first = row is rows[0]
        ratio = '' if first else (f'{ours / row["images_per_sec"]:.2f} / '
                                  f'{row["cpu"] / rows[0]["cpu"]:.2f}')
        yield (f'| {network} {mode} | {row["who"]} | {row["versions"]} '
               f'| {row["images_per_sec"]:.1f} | {row["low"]:.1f} .. {row["high"]:.1f} '
               f'| {row["cpu"]:.3f} | {row["steps"]} | {row["others"]:.0%} '
               f'| {row["memory"]:.0f} | {row["first_step"]:.1f} '
               f'| {ratio} | {f"{share:.0%}" if first else ""} |')


def rival(text):
    """(label, python, folder) of KIND=PYTHON:FOLDER; KIND may carry a name, as in ours/before."""
    label, _, rest = text.partition('=')
    python, _, folder = rest.partition(':')
    if label.split('/')[0] not in ('ours', 'original', 'timm') or not python:
        raise argparse.ArgumentTypeError(f'{text!r}: write ours|original|timm=PYTHON:FOLDER')
    return label, python, folder or '-'


def arguments(argv):
    """Parsed command line."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--python', default=sys.executable, help='that runs this project')
    parser.add_argument('--with', dest='rivals', type=rival, action='append', default=[])
    parser.add_argument('--networks', default=','.join(contestants.OTHERS))
    parser.add_argument('--modes', default='train,inference')
    parser.add_argument('--batch', type=int, default=16)
    parser.add_argument('--size', type=int, default=224)
    parser.add_argument('--rounds', type=int, default=4)
    parser.add_argument('--seconds', type=float, default=3)
    parser.add_argument('--output', help='a file to append the table to')
    return parser.parse_args(argv)


def main(argv):
    """Prints the table; appends it to --output."""
    options = arguments(argv)
    machine = max((json.loads(subprocess.check_output(
        [python, os.path.join(HERE, 'machine.py')], stderr=subprocess.DEVNULL))
        for python in sorted({options.python} | {r[1] for r in options.rivals})),
        key=lambda found: found['gflops'])
    table = [f'{machine["cores"]} cores of {machine["processor"]}, {platform.platform()}; '
             f'{machine["gflops"]:.0f} GFLOP/s in matrix products ({machine["library"]}), '
             f'{machine["copy_gb_per_s"]:.0f} GB/s copied; batch {options.batch} at '
             f'{options.size}x{options.size}.', '',
             '| network | who | versions | images/s | quarter points | processor s '
             '| steps | others | peak MiB | first step, s | ours / it: clock / processor '
             '| of peak |', '|' + '---|' * 12]
    print('\n'.join(table), flush=True)
    for network in options.networks.split(','):
        for mode in options.modes.split(','):
            for line in lines_of(network, mode, match(options.rivals, network, mode, options),
                                 machine['gflops']):
                table.append(line)
                print(line, flush=True)
    if options.output:
        with open(options.output, 'a') as stream:
            stream.write('\n'.join(table) + '\n\n')


if __name__ == '__main__':
    main(sys.argv[1:])
