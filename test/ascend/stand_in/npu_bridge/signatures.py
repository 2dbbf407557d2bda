"""The signatures of one version of the adapter, bound as Python binds them."""

import ast
import csv
import functools
import inspect
import os

from npu_bridge import records

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'signatures.csv')


def version():
    """Version in force."""
    return os.environ.get('NPU_STAND_IN_VERSION', 'master')


def signature(name):
    """inspect.Signature of a callable of the adapter, without self."""
    return _signature(name, version())


@functools.lru_cache(None)
def _signature(name, of_version):
    parameters = []
    with open(PATH, newline='') as stream:
        for row in csv.DictReader(stream):
            default = row[of_version]
            if row['callable'] == name and default:
                parameters.append(inspect.Parameter(
                    row['argument'], inspect.Parameter.POSITIONAL_OR_KEYWORD,
                    default=inspect.Parameter.empty if default == 'required'
                    else ast.literal_eval(default)))
    return inspect.Signature(parameters)


def bound(init):
    """Decorator of an __init__(self, arguments): binds, writes down, passes a dict."""
    name = init.__qualname__.split('.')[0]

    def wrapped(self, *args, **kwargs):
        call = signature(name).bind(*args, **kwargs)    # TypeError: unknown or missing argument
        given = dict(call.arguments)
        call.apply_defaults()
        records.write(name, **given)
        init(self, dict(call.arguments))
    wrapped.__signature__ = signature(name).replace(parameters=[
        inspect.Parameter('self', inspect.Parameter.POSITIONAL_ONLY),
        *signature(name).parameters.values()])
    return wrapped
