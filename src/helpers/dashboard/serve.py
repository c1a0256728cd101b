"""Starting the dashboard: the command behind `steel dashboard`."""

import importlib.util
import logging
import socket
from pathlib import Path

PORT, HOST = 8005, "127.0.0.1"
THREADS, CONNECTIONS = 8, 500
NEEDED = ("dash", "waitress")
EVERYWHERE = ("0.0.0.0", "::")


def run_dashboard(root, *, data="", run="", port=PORT, host=HOST, token=None, say=print):
    """Show a data set and a run of it until the user stops it.

    Args:
        root: the project's folder.
        data: data directory, or "" to look for one.
        run: a run's directory or name, or "" for the last one of that data.
        port: to listen at.
        host: address to listen at; any but this machine's own asks for a token.
        token: that has to be shown; None makes one up where one is needed.
        say: called with each line for the user.

    Raises:
        ImportError: a package that the dashboard needs is missing.
        OSError: the port is taken.
        ValueError: the token is too short; or as `helpers.dashboard.places.open_places`.
    """
    require_packages()
    from waitress import create_server

    from helpers.dashboard.app import make_app
    from helpers.dashboard.board import make_board
    from helpers.dashboard.guard import choose_token
    from helpers.dashboard.places import open_places
    from helpers.dashboard.uploads import MOST_REQUEST

    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # which tells of each request that waits for a thread
    token = choose_token(host, token)
    require_port(host, port)
    board = make_board(open_places(Path(root), data, run, say))
    try:
        app = make_app(board, host=host, port=port, token=token)
        server = create_server(
            app.server,
            host=host,
            port=port,
            threads=THREADS,
            connection_limit=CONNECTIONS,
            max_request_body_size=MOST_REQUEST + 2**20,
            ident=None,
        )
        say(f"{describe(board)}\nOpen {address(host, port, token)} (Ctrl+C ends it).")
        try:
            server.run()
        finally:
            server.close()
    finally:
        board.close()


def require_packages():
    """Stop where a package is missing that the dashboard alone needs.

    Raises:
        ImportError: the message names the command that installs it.
    """
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise ImportError(
            f"the dashboard needs {' and '.join(missing)}, which is not installed. "
            "Install it with: pip install 'steel-defect-report[dashboard]'"
        )


def require_port(host, port):
    """Stop where something listens at the port already, before any data is read.

    Raises:
        OSError: it does, or the address isn't one of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, port))
        except OSError as error:
            raise OSError(
                f"{host}, port {port}: can't be listened at ({error.strerror}). Is a dashboard running there already? "
                "Choose another with --port."
            ) from None


def address(host, port, token):
    """What to open in a browser; where all addresses are listened at, the machine's name."""
    host = socket.gethostname() if host in EVERYWHERE else host
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}/" + (f"?token={token}" if token else "")


def describe(board):
    """What is shown, on a line."""
    dataset, run = board.places.dataset, board.places.run
    about = f"{dataset.name}: {len(dataset.training_ids):,} training and {len(dataset.test_ids):,} test images"
    return f"{about}; {'no run of it' if run is None else f'run {run.directory.name}'}."
