"""`--mode=benchmark`: speed of training, of inference and of the input pipeline alone.

Training runs as in --mode=train, input included, in a folder that is removed afterwards; inference
runs on images that are in memory. The first steps (graph optimisation, full buffers) do not count.
"""

import functools
import json
import os
import tempfile
import time

import numpy as np
import tensorflow.compat.v1 as tf

from common.console import say
from common.errors import DataError
from estimator import model_fn, results
from estimator import run as run_lib
from estimator.devices import session as session_lib
from estimator.hooks.throughput import Throughput

WARM_UP = 5


def run(network, params, open_inputs):
    """Measures, prints a table or one JSON object; returns the exit code."""
    bench = Benchmark(network, params, open_inputs())
    report = bench.about()
    if params.format == 'text':
        _announce(report)
    for name, measure in (('training', bench.training), ('inference', bench.inference),
                          ('input', bench.input)):
        report[name] = statistics(*bench.explained(measure))
        if params.format == 'text':
            _line(name, report[name])
    if params.format == 'json':
        say(json.dumps(report))
    return 0


class Benchmark:
    """One network, its flags and its data. Every measurement gives (seconds of steps, batch)."""

    def __init__(self, network, params, inputs):
        self.network, self.params, self.inputs = network, params, inputs
        arguments = run_lib.arguments(network, params, inputs.num_classes)
        self.run = run_lib.prepare(params, inputs.num_train_images, arguments,
                                   network.head_scope(**arguments))
        self.batch = params.train_batch_size
        self.global_batch = self.batch * self.run.device.count

    def about(self):
        """What the numbers depend on."""
        return {'model_name': self.network.name, 'image_size': self.inputs.image_size,
                'num_classes': self.inputs.num_classes, 'batch': self.batch,
                'steps': self.params.train_steps, 'warm_up': WARM_UP,
                'data': self.inputs.summary(), 'device': self.run.device.text,
                'inference_device': self.run.device.text if self.run.device.kind != 'npu'
                else 'the CPU of this machine',
                'processors': os.cpu_count(), 'precision': self.run.precision.text,
                'versions': results.versions()}

    def training(self):
        """Whole training steps, the input included, on all devices."""
        throughput = Throughput(self.global_batch, WARM_UP)
        with tempfile.TemporaryDirectory() as folder:
            function = self.network.model_fn_builder(
                functools.partial(model_fn.build, run=self.run))
            estimator = session_lib.make_estimator(
                function, self.run, folder, save=(None, None))
            estimator.train(
                session_lib.for_this_process(self.inputs.train_input_fn(self.batch),
                                             self.run.device),
                hooks=[throughput], max_steps=WARM_UP + self.params.train_steps)
        return throughput.seconds, self.global_batch

    def inference(self):
        """Forward passes of one device on images in its memory."""
        size = self.inputs.image_size
        with tf.Graph().as_default():
            images = tf.get_variable('benchmark_images', [self.batch, size, size, 3],
                                     initializer=tf.random_normal_initializer(seed=0),
                                     trainable=False, use_resource=True)
            logits, _ = self.network.build(
                tf.cast(images, self.run.precision.compute_dtype), training=False,
                device=self.run.device.kind, **self.run.arguments)
            return self._time(logits.op, [tf.global_variables_initializer()]), self.batch

    def input(self):
        """Batches of the training pipeline of one device, the network left out."""
        with tf.Graph().as_default():
            dataset = self.inputs.train_input_fn(self.batch)()
            iterator = tf.data.make_initializable_iterator(dataset)
            features, labels = iterator.get_next()
            return self._time([features['image'].op, labels['label'].op],
                              [iterator.initializer]), self.batch

    def explained(self, measure):
        """measure(), its errors about the data in words."""
        try:
            return measure()
        except tf.errors.OpError as error:
            message = self.inputs.explain_failure(error)
            if message:
                raise DataError(message)
            raise

    def _time(self, fetches, before):
        seconds = []
        config = session_lib.session_config(self.params, self.run.device, self.run.precision)
        with tf.Session(config=config) as session:
            session.run(before)
            for _ in range(WARM_UP + self.params.train_steps):
                start = time.monotonic()
                session.run(fetches)
                seconds.append(time.monotonic() - start)
        return seconds[WARM_UP:]


def statistics(seconds, batch):
    """images/s over all steps, and the spread of the steps in milliseconds."""
    median, p90, p99 = np.percentile(np.array(seconds) * 1000.0, [50, 90, 99])
    return {'images_per_sec': round(batch * len(seconds) / sum(seconds), 2), 'batch': batch,
            'median_ms': round(float(median), 3), 'p90_ms': round(float(p90), 3),
            'p99_ms': round(float(p99), 3), 'steps': len(seconds)}


def _announce(report):
    versions = report['versions']
    say(f'{report["model_name"]}, {report["image_size"]}x{report["image_size"]} pixels, '
        f'{report["num_classes"]} classes, batch {report["batch"]} (--train_batch_size), '
        f'{report["steps"]} steps (--train_steps) after {report["warm_up"]} of warm-up')
    say(f'data       {report["data"]}')
    say(f'device     {report["device"]}, {report["processors"]} processors, {report["precision"]}')
    if report['inference_device'] != report['device']:
        say(f'inference  on {report["inference_device"]}')
    say(f'versions   TensorFlow {versions["tensorflow"]}, Python {versions["python"]}, '
        f'{versions["machine"]}')
    say(f'{"":10} {"images/s":>10}  {"median ms":>10}  {"p90 ms":>10}  {"p99 ms":>10}  {"n":>5}')


def _line(name, row):
    say(f'{name:10} {row["images_per_sec"]:10.1f}  {row["median_ms"]:10.2f}  '
        f'{row["p90_ms"]:10.2f}  {row["p99_ms"]:10.2f}  {row["steps"]:5}')
