"""The originals' own entry points: their names, arguments and defaults over main.py and launchers.

A folder an original. Each script is a few lines over `entry` (Python) or `python.sh` (shell);
`modelarts` brings data in and results out where the original ran on ModelArts.
"""
