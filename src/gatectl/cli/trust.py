"""`gatectl trust HOST`: a host that credentials may be sent to, or a store of records, in the user's own file."""

from __future__ import annotations

import os

import click

from gatectl.cli.options import Globals, command, load_project
from gatectl.errors import DONE
from gatectl.network import trust
from gatectl.network.addresses import is_shared_store
from gatectl.quote import quote


@command("trust")
@click.argument("hosts", nargs=-1, required=True, metavar="HOST…")
def COMMAND(options: Globals, hosts: tuple[str, ...]) -> int:  # noqa: N802 - the table's word
    """Trust hosts: let gatectl connect to them, and send them the token or password that it has for them.

    HOST is NAME (port 443), NAME:PORT, *.example.com or an address such as https://gateway.example:8443; or a store of records,
    by its bucket or database: s3://acme-gatectl, postgresql://db.example/gatectl. It is written to trusted-hosts in your settings
    (XDG_CONFIG_HOME, else ~/.config/gatectl), where no checkout has a say. GATECTL_TRUSTED_HOSTS does the same for hosts of one
    environment, and --platform names its target for one run.
    """
    console = options.console()
    folder = load_project(options).folder
    for host in hosts:
        add = trust.add_store if is_shared_store(host) else trust.add
        wanted, path, new = add(host, os.environ, folder)
        console.info(f"{wanted} is {'now' if new else 'already'} trusted: {quote(path)}")
    return DONE
