"""This project's networks against the originals' code and timm, in alternation.

    python benchmarks/compare.py --record=FILE --with=original=PYTHON:FOLDER --with=timm=PYTHON: \\
        [--networks=mixnet-s,mobilenet_v2] [--modes=train,inference] [--python=PYTHON] [--matches=1]
    python benchmarks/compare.py --print=FILE

The first command measures what FILE lacks and adds a line of JSON for each match, so it can be
called again and again; the second prints the tables. In a match each contestant is a process of its
own (contestants.py), all alive at once; in every round each works for --seconds in turn, so that a
slow minute of the machine falls on all. images/s are those of the median step; the spread is that
of the rounds' own medians, and the ratios are medians over the rounds. `others` is the share of the
cores that went to other programs meanwhile: above a few percent the figures mean little. `of peak`
is the part of the machine's matrix-product speed that the multiply-adds come to (the best of the
installed libraries, measured when FILE is begun).

--with=ours/before=PYTHON:FOLDER compares with another checkout of this project. FOLDER of
`original`: see contestants.py; nothing of it is part of this project.
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
        self.seconds.append(answer['seconds'])
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
               for rival in ours + rivals]
    try:
        playing = [c for c in entered if c.ready()]
        for _ in range(options.rounds):
            for contestant in playing:
                contestant.work(options.seconds)
    finally:
        for contestant in entered:
            contestant.close()
    return [row_of(c, options.batch) for c in playing]


def row_of(contestant, batch):
    """Figures of a contestant as a dict."""
    rounds = [batch / statistics.median(seconds) for seconds in contestant.seconds]
    steps = [second for seconds in contestant.seconds for second in seconds]
    return {'who': contestant.label, 'versions': contestant.facts['versions'],
            'images_per_sec': batch / statistics.median(steps), 'rounds': rounds,
            'steps': len(steps), 'cpu': statistics.median(contestant.cpu),
            'others': statistics.mean(contestant.shares),
            'memory': contestant.memory}


def ratio(ours, other):
    """How much faster ours is: the median over the rounds."""
    return statistics.median(a / b for a, b in zip(ours['rounds'], other['rounds']))


def lines_of(record):
    """Markdown rows of a match."""
    network, mode, rows = record['network'], record['mode'], record['rows']
    share = (2e-3 * MULTIPLY_ADDS[network] * PASSES[mode] * rows[0]['images_per_sec'] /
             record['machine']['gflops'])
    for row in rows:
        first = row is rows[0]
        yield (f'| {network} {mode} | {row["who"]} | {row["versions"]} '
               f'| {row["images_per_sec"]:.1f} | {min(row["rounds"]):.1f} to '
               f'{max(row["rounds"]):.1f} | {row["others"]:.0%} | {row["memory"]:.0f} '
               f'| {f"{share:.0%}" if first else ""} '
               f'| {"" if first else format(ratio(rows[0], row), ".2f")} |')


def summary(records):
    """Markdown rows: ours over each other one, a column a network, and their geometric mean."""
    ratios = {}
    for record in records:
        ours, *others = record['rows']
        for row in others:
            key = f'{ours["versions"]} / {row["who"]}, {record["mode"]}'
            ratios.setdefault(key, {})[record['network']] = ratio(ours, row)
    for name, found in sorted(ratios.items()):
        cells = [f'{found[n]:.2f}' if n in found else '' for n in contestants.OTHERS]
        yield f'| {" | ".join([name] + cells)} | {statistics.geometric_mean(found.values()):.2f} |'


def show(path):
    """Prints the tables of a record; of a match measured twice the last one counts."""
    records = list({key_of(record): record for record in read(path)}.values())
    for text in sorted({record['about'] for record in records}):
        print(text + '\n')
    print(f'| ours / it | {" | ".join(contestants.OTHERS)} | mean |')
    print('|' + '---|' * (len(contestants.OTHERS) + 2))
    print('\n'.join(summary(records)))
    print('\n| network | who | versions | images/s | of the rounds | others | peak MiB | of peak '
          '| ours / it |')
    print('|' + '---|' * 9)
    for record in sorted(records, key=lambda record: list(key_of(record))):
        print('\n'.join(lines_of(record)))


def key_of(record):
    """What makes a match: network, mode, the version of ours and the others' names."""
    return (record['network'], record['mode'], record['python'],
            ','.join(record['rivals']))


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
    parser.add_argument('--matches', type=int, help='that this call measures at most')
    parser.add_argument('--record', help='file of JSON lines to add to')
    parser.add_argument('--print', help='file of JSON lines to show')
    return parser.parse_args(argv)


def read(path):
    """The matches in a file, a dict each."""
    if not os.path.exists(path):
        return []
    with open(path) as stream:
        return [json.loads(line) for line in stream]


def best_machine(options):
    """What machine.py says under the interpreter with the fastest matrix products."""
    return max((json.loads(subprocess.check_output(
        [python, os.path.join(HERE, 'machine.py')], stderr=subprocess.DEVNULL))
        for python in sorted({options.python} | {r[1] for r in options.rivals})),
        key=lambda found: found['gflops'])


def missing(options, records):
    """The matches asked for that the record has not."""
    have = set(map(key_of, records))
    wanted = [{'network': network, 'mode': mode, 'python': options.python,
               'rivals': [f'{rival[0]}={rival[1]}' for rival in options.rivals]}
              for network in options.networks.split(',') for mode in options.modes.split(',')]
    return [record for record in wanted if key_of(record) not in have][:options.matches]


def main(argv):
    """Measures, or prints the tables."""
    options = arguments(argv)
    if options.print:
        show(options.print)
        return
    records = read(options.record)
    machine = records[-1]['machine'] if records else best_machine(options)
    about = (f'{machine["cores"]} cores of {machine["processor"]}, {platform.platform()}; '
             f'batch {options.batch} at {options.size}x{options.size}, {options.rounds} rounds of '
             f'{options.seconds:.0f} s.')
    for record in missing(options, records):
        rows = match(options.rivals, record['network'], record['mode'], options)
        record = dict(record, machine=machine, about=about, rows=rows)
        with open(options.record, 'a') as stream:
            stream.write(json.dumps(record) + '\n')
        print('\n'.join(lines_of(record)), flush=True)


if __name__ == '__main__':
    main(sys.argv[1:])
