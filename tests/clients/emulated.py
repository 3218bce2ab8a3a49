"""Services of AWS that scripts need beside the server under test: moto's."""
import logging

from moto.server import ThreadedMotoServer


def start(port=0):
    """A running server, to be stopped, and its port on the loopback address."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
    server.start()
    return server, server.get_host_and_port()[1]
