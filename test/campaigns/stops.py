"""Campaigns that stop a training at random moments and look whether anything was lost.

    python test/campaigns/stops.py {kill|signal|write|start|disk|convert} [--count=30]
                                   [--seconds=170] [--folder=DIR] [--seed=0] [--longest=8]

kill    kill -9 at a random moment, every other time after a step, again and again
signal  SIGTERM, SIGINT, SIGUSR1 or SIGHUP, once or twice within 0.3 s, at such a moment
write   kill -9 inside the write of a checkpoint, which a preloaded library makes slow (needs cc)
start   a signal within the first seconds; must end within 3 s
disk    a disk that is full (a tmpfs; needs root), then has room again
convert a signal, or kill -9, at a random moment of a conversion; then the same files as without

After the last stop the run is finished and compared with one that was never stopped: the same
weights bit for bit, log.csv, eval.csv and the best checkpoint. A campaign that is not done within
--seconds goes on when it is called again with the same --folder. Not part of the test suite. All
but `start` and `convert` fork their runs from a process that has imported TensorFlow already.
"""

import argparse
import csv
import functools
import glob
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import slow_writes
from forked import HANG, Child, run_here, warm_up

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FLAGS = dict(model_name='mobilenet_v1_025', dataset='synthetic', num_train_images=64,
             num_eval_images=10, input_image_size=32, train_batch_size=8, eval_batch_size=4,
             num_label_classes=10, dropout_rate=0.5, moving_average_decay=0.9, learning_rate=0.01,
             log_step_count_steps=1, save_summary_steps=0, train_steps=30, steps_per_eval=15,
             save_checkpoints_steps=5, keep_checkpoint_max=3)
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGHUP)
STEP = re.compile(r'step \d+/\d+')      # a line of progress
WARM = ('kill', 'signal', 'write', 'disk')      # runs forked from a process that has imported all
# Columns of log.csv that differ between two runs.
TIMES = ('images_per_sec', 'seconds', 'input_wait')


class Campaign:
    """One run that is stopped again and again; what has happened is kept in a file."""

    def __init__(self, kind, options):
        self.kind, self.options = kind, options
        self.folder = options.folder or tempfile.mkdtemp(prefix=f'campaign-{kind}-')
        os.makedirs(self.folder, exist_ok=True)
        self.model_dir = os.path.join(self.folder, 'run')
        self.reference = os.path.join(self.folder, 'reference')
        self._state = os.path.join(self.folder, 'state.json')
        self.counts = {'stops': 0, 'runs': 0, 'equal': 0, 'traces': 0, 'hangs': 0, 'wrong': []}
        if os.path.exists(self._state):
            with open(self._state) as stream:
                self.counts = json.load(stream)
        self.random = random.Random(options.seed + self.counts['stops'])
        self.until = time.time() + options.seconds

    def save(self):
        """Keeps the counts."""
        with open(self._state, 'w') as stream:
            json.dump(self.counts, stream, indent=1)

    def count(self, name, happened):
        """Counts what has happened."""
        self.counts[name] = self.counts.get(name, 0) + bool(happened)

    def slowest(self, seconds):
        """Keeps the longest time between a signal and the end."""
        self.counts['slowest'] = round(max(seconds, self.counts.get('slowest', 0)), 2)

    def wrong(self, text):
        """Notes what must not happen."""
        self.counts['wrong'].append(text)
        print('WRONG', text, flush=True)

    def start(self, model_dir, **changes):
        """The program in a process of its own, its output in a file."""
        values = dict(FLAGS, model_dir=model_dir, **changes)
        words = [f'--{name}={value}' for name, value in values.items()]
        self.output = open(os.path.join(self.folder, 'output.txt'), 'w+')
        if self.kind in WARM:
            return Child(functools.partial(run_here, words, self.output))
        return subprocess.Popen(
            [sys.executable, os.path.join(ROOT, 'main.py')] + words, stdout=self.output,
            stderr=subprocess.STDOUT)

    def await_step(self, process):
        """Waits until a process has said a step, or has ended."""
        until = time.time() + HANG
        while process.poll() is None and time.time() < until:
            with open(self.output.name) as stream:
                if STEP.search(stream.read()):
                    return
            time.sleep(0.02)

    def wait(self, process):
        """(exit code, output) of a process; a hang is counted, and ended."""
        try:
            code = process.wait(timeout=HANG)
        except subprocess.TimeoutExpired:
            self.counts['hangs'] += 1
            process.kill()
            code = process.wait()
        self.output.seek(0)
        said = self.output.read()
        self.output.close()
        if 'Traceback' in said:
            self.counts['traces'] += 1
            self.wrong(said[-2000:])
        return code, said

    def finish_reference(self):
        """The run that is never stopped, once."""
        if not os.path.exists(os.path.join(self.reference, 'result.json')):
            code, said = self.wait(self.start(self.reference))
            assert code == 0, said

    def run(self):
        """Stops until there are --count stops; returns whether it came that far."""
        if self.kind != 'convert':
            self.finish_reference()
        while self.counts['stops'] < self.options.count and time.time() < self.until:
            code, said = STOPS[self.kind](self)
            self.save()
            if code == 0:
                self.compare(said)
        if self.counts['stops'] < self.options.count:
            return False
        while os.path.isdir(self.model_dir) and self.kind != 'convert':
            code, said = self.wait(self.start(self.model_dir))
            if code:
                self.wrong(f'cannot be finished, exit code {code}: {said[-500:]}')
                break
            self.compare(said)
        self.save()
        return True

    def differences(self, rows=True):
        """`different` in a process of its own, so that this one never reads a checkpoint."""
        path = os.path.join(self.folder, 'different.json')

        def write():
            with open(path, 'w') as stream:
                json.dump(different(self.model_dir, self.reference, rows), stream)
        assert Child(write).wait(HANG) == 0
        with open(path) as stream:
            return json.load(stream)

    def compare(self, said):
        """A finished run against the reference; then the next run begins."""
        self.counts['runs'] += 1
        differences = self.differences()
        if differences:
            self.wrong(f'run {self.counts["runs"]}: {differences}\n{said[-800:]}')
            shutil.copytree(self.model_dir, f'{self.model_dir}-wrong-{self.counts["runs"]}')
        else:
            self.counts['equal'] += 1
        shutil.rmtree(self.model_dir)


def kill(campaign):
    """kill -9 at a random moment of the seconds in which a run works."""
    process = campaign.start(campaign.model_dir)
    return _stop_later(campaign, process, campaign.random.uniform(0.5, campaign.options.longest),
                       [signal.SIGKILL])


def signals(campaign):
    """One of the signals, sometimes twice in a row."""
    process = campaign.start(campaign.model_dir)
    number = campaign.random.choice(SIGNALS)
    wanted = [number] * campaign.random.choice((1, 1, 2))
    code, said = _stop_later(campaign, process,
                             campaign.random.uniform(0.5, campaign.options.longest), wanted)
    if code not in (0, 75):
        campaign.wrong(f'{number.name}: exit code {code}: {said[-500:]}')
    return code, said


def _stop_later(campaign, process, seconds, numbers):
    if campaign.kind in ('kill', 'signal') and campaign.counts['stops'] % 2:
        campaign.await_step(process)    # every other one while it trains or evaluates
        seconds = campaign.random.uniform(0, campaign.options.longest / 4)
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        campaign.counts['stops'] += 1
        begin = time.time()
        for number in numbers:
            process.send_signal(number)
            time.sleep(campaign.random.uniform(0, 0.3) if len(numbers) > 1 else 0)
        code, said = campaign.wait(process)
        campaign.slowest(time.time() - begin)
        campaign.count('after steps', STEP.search(said))
        return code, said
    return campaign.wait(process)


def start(campaign):
    """A signal during start-up, in a fresh folder each time."""
    shutil.rmtree(campaign.model_dir, ignore_errors=True)
    process = campaign.start(campaign.model_dir)
    time.sleep(campaign.random.uniform(0.1, campaign.options.longest))
    number = campaign.random.choice(SIGNALS)
    begin = time.time()
    process.send_signal(number)
    code, said = campaign.wait(process)
    campaign.counts['stops'] += 1
    spent = time.time() - begin
    campaign.slowest(spent)
    if code != 75 or spent > 3:
        campaign.wrong(f'{number.name}: exit code {code} after {spent:.1f} s: {said[-500:]}')
    shutil.rmtree(campaign.model_dir, ignore_errors=True)
    return None, said


def write(campaign):
    """kill -9 while the files of a checkpoint are being written."""
    process = campaign.start(campaign.model_dir)
    saves, seen = campaign.random.randint(1, 3), set()
    while process.poll() is None:
        there = {path for path in glob.glob(os.path.join(campaign.model_dir, 'model.ckpt*'))
                 if re.search(r'temp', path)}
        if there - seen:
            seen |= there
            if len({re.search(r'ckpt-(\d+)', path).group(1) for path in seen}) >= saves:
                time.sleep(campaign.random.uniform(0, 0.35))
                process.kill()
                campaign.counts['stops'] += 1
                left = [p for p in glob.glob(os.path.join(campaign.model_dir, 'model.ckpt*'))
                        if 'temp' in p]
                campaign.count('inside', left)
                break
        time.sleep(0.002)
    return campaign.wait(process)


def disk(campaign):
    """A file system that fills up during the run, then is made larger."""
    os.makedirs(campaign.model_dir, exist_ok=True)
    size = campaign.random.randint(3000, 9000)      # kB; a whole run needs 11,000
    subprocess.run(['mount', '-t', 'tmpfs', '-o', f'size={size}k', 'campaign',
                    campaign.model_dir], check=True)
    try:
        code, said = campaign.wait(campaign.start(campaign.model_dir))
        campaign.counts['stops'] += 1
        if code != 1 or 'No space left' not in said:
            campaign.wrong(f'{size} kB: exit code {code}: {said[-500:]}')
        subprocess.run(['mount', '-o', 'remount,size=200m', campaign.model_dir], check=True)
        code, said = campaign.wait(campaign.start(campaign.model_dir))
        differences = campaign.differences(rows=False)
        campaign.counts['runs'] += 1
        campaign.counts['equal'] += not (code or differences)
        if code or differences:
            campaign.wrong(f'{size} kB, with room again: {code}, {differences}, {said[-500:]}')
    finally:
        subprocess.run(['umount', campaign.model_dir], check=True)
        os.rmdir(campaign.model_dir)
    return None, said


def images(folder, count=400):
    """A tree of two classes, made once."""
    if not os.path.isdir(folder):
        import numpy as np
        from PIL import Image
        for number in range(count):
            path = os.path.join(folder, 'ab'[number % 2], f'{number}.png')
            os.makedirs(os.path.dirname(path), exist_ok=True)
            pixels = np.random.RandomState(number).randint(0, 256, (64, 64, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(path)
    return folder


def contents(folder):
    """{name: bytes} of the files of a conversion."""
    found = {}
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), 'rb') as stream:
            found[name] = stream.read()
    return found


def convert(campaign):
    """Stops a conversion; where it came to its end, compares it with one that was not stopped."""
    tree = images(os.path.join(campaign.folder, 'tree'))
    words = [sys.executable, os.path.join(ROOT, 'convert_tfrecord.py'), f'--input_dir={tree}',
             '--shards=40', '--workers=2']
    whole = os.path.join(campaign.folder, 'whole')
    if not os.path.isdir(whole):
        subprocess.run(words + [f'--output_dir={whole}'], check=True, stdout=subprocess.DEVNULL)
    campaign.output = open(os.path.join(campaign.folder, 'output.txt'), 'w+')
    process = subprocess.Popen(words + [f'--output_dir={campaign.model_dir}'],
                               stdout=campaign.output, stderr=subprocess.STDOUT)
    number = campaign.random.choice(SIGNALS + (signal.SIGKILL,))
    code, said = _stop_later(campaign, process, campaign.random.uniform(
        0.05, campaign.options.longest), [number] * campaign.random.choice((1, 1, 2)))
    if code not in (0, 75) and number != signal.SIGKILL:
        campaign.wrong(f'{number.name}: exit code {code}: {said[-500:]}')
    if code == 0:
        campaign.counts['runs'] += 1
        if contents(campaign.model_dir) == contents(whole):
            campaign.counts['equal'] += 1
        else:
            campaign.wrong('another data set than without a stop')
        shutil.rmtree(campaign.model_dir)
    return None, said


STOPS = {'kill': kill, 'signal': signals, 'start': start, 'write': write, 'disk': disk,
         'convert': convert}


def different(first, second, rows=True):
    """What two finished runs do not have in common; rows: whether log.csv must be whole."""
    import numpy as np
    import program
    found = []
    for part in ('', 'archive'):
        a, b = (program.variables(os.path.join(folder, part)) for folder in (first, second))
        if sorted(a) != sorted(b) or any(not np.array_equal(a[name], b[name]) for name in a):
            found.append(f'weights in {part or "model_dir"}')
    tables = [[{key: value for key, value in row.items() if key not in TIMES} for row in
               csv.DictReader(open(os.path.join(folder, 'log.csv')))] for folder in (first, second)]
    if rows and tables[0] != tables[1]:
        found.append('log.csv')
    texts = [open(os.path.join(folder, 'eval.csv')).read() for folder in (first, second)]
    if texts[0] != texts[1]:
        found.append('eval.csv')
    return found


def main():
    """Runs a campaign and prints its counts; exit code 0 done and nothing wrong, 3 not done."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('kind', choices=sorted(STOPS))
    parser.add_argument('--count', type=int, default=30)
    parser.add_argument('--seconds', type=float, default=1e9)
    parser.add_argument('--longest', type=float, default=8, help='seconds until a stop')
    parser.add_argument('--folder')
    parser.add_argument('--seed', type=int, default=0)
    options = parser.parse_args()
    if options.kind == 'write':
        slow_writes.load()
    sys.path[:0] = [ROOT, os.path.join(ROOT, 'test')]
    if options.kind in WARM:
        warm_up()
    campaign = Campaign(options.kind, options)
    done = campaign.run()
    print(json.dumps(dict(campaign.counts, wrong=len(campaign.counts['wrong'])), indent=None))
    return 3 if not done else 1 if campaign.counts['wrong'] else 0


if __name__ == '__main__':
    sys.exit(main())
