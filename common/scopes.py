"""Names of variables and the scopes they are in."""

from common.errors import FlagError
from common.names import nearest


def inside(name, scopes):
    """Whether a variable is one of `scopes` or in one: a/b is in a and in a/, not in a/bc or in b.

    name: such as 'net/layer_1/weights'; scopes: names of variables or of scopes.
    """
    return any((name + '/').startswith(scope.rstrip('/') + '/') for scope in scopes)


def matching(names, scopes, flag):
    """The names inside any of the scopes. FlagError: a scope that none is in."""
    for scope in scopes:
        if not any(inside(name, [scope]) for name in names):
            known = {'/'.join(name.split('/')[:depth]) for name in names
                     for depth in range(1, name.count('/') + 1)}
            near = nearest(scope, sorted(known), 3, 0.3)
            raise FlagError(f'--{flag}={scope} names no scope of this network. '
                            f'There are {", ".join(near or sorted(known)[:3])}, ...; '
                            '--mode=inspect lists all names.')
    return [name for name in names if inside(name, scopes)]
