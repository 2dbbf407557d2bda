"""Several processes, on one or many hosts, that train together under TensorFlow's own engine.

They are listed by --hosts and --host_index or, as tf.estimator does, by the variable TF_CONFIG.
"""

import collections
import contextlib
import json
import os

from common.errors import FlagError
from common.storage import is_address

Hosts = collections.namedtuple('Hosts', ['addresses', 'index'])
Hosts.__new__.__defaults__ = ((), 0)
Hosts.__doc__ = """The processes of a run. addresses: 'name:port' of each, the chief first, () for a
process that trains alone; index: which of them this is."""

ONLY = ('chief', 'worker')


def find(addresses, index, environment):
    """The Hosts that the flags or TF_CONFIG list. FlagError: contradictions, bad addresses."""
    given, place = tuple(addresses or ()), index
    if not given:
        if index is not None:
            raise FlagError(f'--host_index={index} needs --hosts=NAME:PORT,NAME:PORT.')
        given, place = _from_tf_config(environment.get('TF_CONFIG'))
    for address in given:
        name, _, port = str(address).rpartition(':')
        if not (name and port.isdigit() and 0 < int(port) < 65536):
            raise FlagError(f'--hosts: {address!r} is no NAME:PORT such as 10.0.0.1:2222.')
    if len(set(given)) < len(given):
        raise FlagError(f'--hosts={",".join(given)} names a process twice.')
    if len(given) < 2:
        return Hosts()
    if place is None or not 0 <= place < len(given):
        raise FlagError(f'--host_index={place}: which of the {len(given)} --hosts this process is, '
                        f'a number from 0 to {len(given) - 1}.')
    return Hosts(given, place)


def _from_tf_config(text):
    try:
        config = json.loads(text or '{}')
        cluster, task = config.get('cluster') or {}, config.get('task') or {}
        addresses = [tuple(cluster.get(job, ())) for job in ONLY]
        others = sorted(job for job in cluster if job not in ONLY and cluster[job])
        kind, index = task.get('type', ONLY[0]), int(task.get('index', 0))
    except (ValueError, TypeError, AttributeError) as error:
        raise FlagError(f'TF_CONFIG is no JSON of a cluster and a task ({error}).')
    if others or kind not in ONLY:
        raise FlagError(f'TF_CONFIG has {", ".join(others or [kind])}: only chief and worker train '
                        'here; the chief evaluates, and nothing is a parameter server.')
    return addresses[0] + addresses[1], index + (len(addresses[0]) if kind == ONLY[1] else 0)


def require_folder(hosts, model_dir):
    """FlagError where several processes would train at an address."""
    if hosts.addresses and is_address(model_dir):
        raise FlagError(f'--model_dir={model_dir}: processes that train together agree through '
                        'files, which a store shows too late. Mount it (gcsfuse, s3fs, NFS) on '
                        'every host and name the folder, or train on one host.')


@contextlib.contextmanager
def tf_config(hosts):
    """TF_CONFIG as TensorFlow wants it, for as long as it reads it; None of it otherwise."""
    before = os.environ.pop('TF_CONFIG', None)
    if hosts.addresses:
        _pass_proxies(hosts)
        os.environ['TF_CONFIG'] = json.dumps({
            'cluster': {'worker': list(hosts.addresses)},
            'task': {'type': 'worker', 'index': hosts.index}})
    try:
        yield
    finally:
        os.environ.pop('TF_CONFIG', None)
        if before is not None:
            os.environ['TF_CONFIG'] = before


def _pass_proxies(hosts):
    """The processes reach each other themselves; gRPC would ask a proxy of http_proxy for it."""
    names = [address.rpartition(':')[0].strip('[]') for address in hosts.addresses]
    others = os.environ.get('no_grpc_proxy', os.environ.get('no_proxy', '')).split(',')
    os.environ['no_grpc_proxy'] = ','.join(dict.fromkeys(filter(None, others + names)))
