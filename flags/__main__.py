"""The flags as a program.

    python -m flags                              the help
    python -m flags --markdown                   the text of docs/flags.md
    python -m flags --canonical --data-path=DIR  {"data_dir": "DIR"}: what was given, as JSON
"""

import contextlib
import io
import json
import sys

from common.errors import FlagError
from flags import merge, parse, sources, to_dict
from flags.explain import help_text, markdown


def canonical(words):
    """Canonical flag -> value of what a command line gives; its warnings are main.py's to say."""
    with contextlib.redirect_stderr(io.StringIO()):
        params = merge(parse(['main.py'] + words))
    given = sources(params)
    return {name: value for name, value in to_dict(params).items() if given[name] != 'default'}


def main(argv):
    """Prints what the first word asks for; returns the exit code."""
    if argv[1:2] != ['--canonical']:
        sys.stdout.write(markdown() if '--markdown' in argv else help_text() + '\n')
        return 0
    try:
        print(json.dumps(canonical(argv[2:])))
    except FlagError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv))
