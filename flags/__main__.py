"""`python -m flags` prints the help; `python -m flags --markdown` the text of docs/flags.md."""

import sys

from flags.explain import help_text, markdown

if __name__ == '__main__':
    sys.stdout.write(markdown() if '--markdown' in sys.argv else help_text() + '\n')
