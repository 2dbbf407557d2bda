"""Flags: rows of data -> one frozen Params.

    given = flags.parse(sys.argv)                    # command line and overlays, checked
    network = get_network(given.value('model_name'))
    params = flags.merge(given, [network.recipe_named(given.value('recipe'))])
    print(flags.explain(params))

A library user or a test says flags.make(model_name='mixnet-s', train_steps=5).
"""

from common.errors import FlagError
from flags.explain import explain
from flags.params import Params, make, merge, sources, to_dict
from flags.parse import Given, parse

__all__ = ['FlagError', 'Given', 'Params', 'explain', 'make', 'merge', 'parse', 'sources',
           'to_dict']
