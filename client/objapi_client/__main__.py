"""The command, for `python -m objapi_client`."""

from objapi_client.command import main

main()
