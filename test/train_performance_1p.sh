#!/usr/bin/env bash
# The old command line; everything happens in the launcher at the top level.
exec bash "$(dirname "${BASH_SOURCE[0]}")/../train_performance_1p.sh" "$@"
