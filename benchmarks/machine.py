"""What a machine can do at most: matrix products and memory traffic, measured on all its cores.

    python benchmarks/machine.py

The product is float32, 2048 x 2048, by the library of the runtime that is installed (PyTorch,
else TensorFlow); the traffic is a copy of 256 MiB a core, bytes read and written.
"""

import concurrent.futures
import json
import os
import platform
import sys
import time

import numpy as np

SIZE, COPY, ROUNDS = 2048, 256 << 20, 5


def processor():
    """Name of the processor, and how many cores this process may use."""
    name = platform.processor() or platform.machine()
    if os.path.exists('/proc/cpuinfo'):
        with open('/proc/cpuinfo') as stream:
            names = [line.split(':')[1].strip() for line in stream if line.startswith('model name')]
        name = (names or [name])[0]
    return name, len(os.sched_getaffinity(0))


def best(work):
    """Seconds of the fastest of some calls."""
    seconds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def product_speed():
    """GFLOP/s of a large matrix product, and the library that did it."""
    a = np.random.RandomState(0).normal(size=(SIZE, SIZE)).astype(np.float32)
    try:
        import torch
        matrix = torch.from_numpy(a)
        work, library = lambda: matrix @ matrix, f'PyTorch {torch.__version__}'
    except ImportError:
        import tensorflow.compat.v1 as tf
        tf.disable_v2_behavior()
        matrix = tf.get_variable('matrix', initializer=a, use_resource=True)
        out = tf.matmul(matrix, matrix)
        session = tf.Session()
        session.run(matrix.initializer)
        work, library = session.make_callable(out.op), f'TensorFlow {tf.version.VERSION}'
    work()
    return 2 * SIZE ** 3 / best(work) / 1e9, library


def copy_speed(cores):
    """GB/s read and written by a copy in every core at once."""
    pairs = [(np.zeros(COPY, np.uint8), np.ones(COPY, np.uint8)) for _ in range(cores)]
    with concurrent.futures.ThreadPoolExecutor(cores) as pool:
        seconds = best(lambda: list(pool.map(lambda pair: np.copyto(*pair), pairs)))
    return 2 * COPY * cores / seconds / 1e9


def measure():
    """dict: processor, cores, gflops, library, copy_gb_per_s."""
    name, cores = processor()
    gflops, library = product_speed()
    return {'processor': name, 'cores': cores, 'gflops': round(gflops, 1), 'library': library,
            'copy_gb_per_s': round(copy_speed(cores), 1)}


if __name__ == '__main__':
    os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
    sys.stdout.write(json.dumps(measure()) + '\n')
