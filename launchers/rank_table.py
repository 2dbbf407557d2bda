"""Ascend's rank table (RANK_TABLE_FILE): which devices of this machine train, under which rank."""

import json

from common.errors import FlagError


def read(path):
    """[(device id, rank id)] in the table's order, in either of Ascend's two formats.

    Raises FlagError: no such file, another format, or the devices of several machines.
    """
    try:
        with open(path) as stream:
            table = json.load(stream)
        return _servers(table) if 'server_list' in table else _groups(table)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FlagError(f'RANK_TABLE_FILE={path} is no rank table of one machine ({error!r}). Give '
                        'one with a server_list or a group_list, or unset RANK_TABLE_FILE.')


def _servers(table):
    """Version 1.0: {"server_list": [{"device": [{"device_id", "rank_id"}]}]}."""
    server, = table['server_list']
    return [(device['device_id'], device['rank_id']) for device in server['device']]


def _groups(table):
    """{"group_list": [{"instance_list": [{"pod_name", "devices": [{"device_id"}]}]}]}."""
    instance, = [instance for group in table['group_list'] for instance in group['instance_list']]
    return [(device['device_id'], instance['pod_name']) for device in instance['devices']]
