"""The Dockerfile names what is there; building it needs a builder and a network."""

import os
import re

import program


def text_of(name):
    with open(os.path.join(program.ROOT, name)) as stream:
        return stream.read()


def test_files_and_interpreters_of_the_image():
    text = text_of('Dockerfile')
    given = dict(re.findall(r'^ARG (\w+)="?([^"\n]*)', text, re.M))
    other = dict(re.findall(r'--build-arg (\w+)=(\S+)', text))
    pairs = {given['REQUIREMENTS']: given['PYTHON'], other['REQUIREMENTS']: other['PYTHON']}
    assert pairs == {'requirements.txt': '3.7', 'requirements-tf2.txt': '3.11'}
    assert 'CPython 3.7' in text_of('requirements.txt')
    assert 'Python 3.9 - 3.11' in text_of('requirements-tf2.txt')
    entry = re.search(r'ENTRYPOINT \["python", "(.*)"\]', text).group(1)
    assert os.path.exists(os.path.join(program.ROOT, entry))
    left_out = text_of('.dockerignore').split()
    assert not {entry, 'requirements.txt', 'requirements-tf2.txt'} & set(left_out)
