"""Ascend's rank table (RANK_TABLE_FILE): which devices of this machine train, under which rank.

Two formats are in use, "server_list" (version 1.0, numbers its ranks) and the older "group_list",
whose ranks are the order of the devices and whose RANK_ID is the pod's name.
"""

import json

from common.errors import FlagError

COMPLETED = 'completed'     # a table's status when the cluster's tool has written it
NEXT = 'Give one with a server_list or a group_list, or unset RANK_TABLE_FILE.'


def read(path):
    """[(device id, rank id)] in the order of the ranks, both as text.

    Raises FlagError: no such file, another format, a table that is not finished, the devices of
    several machines, a device listed twice.
    """
    try:
        with open(path) as stream:
            table = json.load(stream)
        if table.get('status', COMPLETED) != COMPLETED:
            raise FlagError(f'RANK_TABLE_FILE={path} is not finished (status {table["status"]}). '
                            f'Wait until its status is "{COMPLETED}".')
        servers = _servers(table) if 'server_list' in table else _groups(table)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise FlagError(f'RANK_TABLE_FILE={path} is no rank table ({error!r}). {NEXT}')
    problem = _problem(table, servers)
    if problem:
        raise FlagError(f'RANK_TABLE_FILE={path} {problem}')
    return servers[0]


def _servers(table):
    """{"server_list": [{"device": [{"device_id", "rank_id"}]}]}."""
    return [sorted(((str(device['device_id']), str(device['rank_id']))
                    for device in server['device']), key=lambda row: int(row[1]))
            for server in table['server_list']]


def _groups(table):
    """{"group_list": [{"instance_list": [{"pod_name", "devices": [{"device_id"}]}]}]}."""
    return [[(str(device['device_id']), str(instance['pod_name']))
             for device in instance['devices']]
            for group in table['group_list'] for instance in group['instance_list']]


def _problem(table, servers):
    """What makes a table of the right format useless, or None."""
    if len(servers) != 1:
        return (f'lists {len(servers)} machines; these launchers start the devices of one. Give a '
                'table with the devices of this machine.')
    devices = [device for device, _ in servers[0]]
    if not devices or len(set(devices)) != len(devices):
        return f'lists the devices {", ".join(devices) or "none"}; each must be there once.'
    ranks = [rank for _, rank in servers[0]]
    if 'server_list' in table and ranks != [str(n) for n in range(len(ranks))]:
        return f'numbers its ranks {", ".join(ranks)}; they must run from 0 without a gap.'
    return None
