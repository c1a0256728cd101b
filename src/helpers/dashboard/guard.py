"""Who may ask the server, and what its pages may do."""

import hmac
import ipaddress
import secrets
from urllib.parse import urlsplit

from flask import Response, g, redirect, request

from helpers.dashboard.sessions import is_id, new_id

LOCAL = ("127.0.0.1", "localhost", "[::1]")
LEAST_TOKEN = 16  # characters
SAFE = ("GET", "HEAD", "OPTIONS")
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
WANTS_TOKEN = "This dashboard wants its token. Open the address that `steel dashboard` printed when it was started.\n"
WRONG_HOST = "This dashboard answers to this machine alone. Open the address that `steel dashboard` printed.\n"
WRONG_ORIGIN = "This dashboard takes nothing from pages of others.\n"


def is_loopback(host):
    """Whether an address to listen at is reached from this machine alone.

    Example:
        >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0"), is_loopback("mill.example")
        (True, True, False, False)
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def choose_token(host, token=None):
    """The token that has to be shown; "" where none has to.

    Args:
        host: address to listen at.
        token: the user's; None takes none on this machine's own address, and makes one up for others.

    Raises:
        ValueError: the token is too short.
    """
    if token is not None and len(token) < LEAST_TOKEN:
        raise ValueError(
            f"--token: got {len(token)} characters, expected {LEAST_TOKEN} or more. Leave it out to have one made up."
        )
    if token is None and not is_loopback(host):
        return secrets.token_urlsafe(24)
    return token or ""


def guard(server, *, host, port, token, scripts):
    """Have each request checked before it is answered, and each answer sent with its policy.

    On this machine's own address the `Host` header has to be that, so that a page of another site whose name was
    pointed here is told nothing. With a token nothing else is answered but a request that shows it: once in the address
    (`?token=...`), from then on in a cookie. Each browser gets a cookie with the id of its session.

    Args:
        server: the Flask application.
        host: address that it listens at.
        port: port that it listens at.
        token: of `choose_token`.
        scripts: hashes of the scripts that stand in the page itself.
    """
    hosts = {f"{name}:{port}" for name in LOCAL} | {f"{host}:{port}"} if is_loopback(host) else None
    token_cookie, session_cookie = f"steel_token_{port}", f"steel_session_{port}"

    @server.before_request
    def check():
        g.session_id = request.cookies.get(session_cookie)
        if hosts is not None and request.host not in hosts:
            return _refuse(WRONG_HOST)
        if token and not _is_same(request.cookies.get(token_cookie), token):
            if request.method != "GET" or not _is_same(request.args.get("token"), token):
                return _refuse(WANTS_TOKEN)
            answer = redirect(request.path)
            _set_cookie(answer, token_cookie, token)
            return answer
        origin = request.headers.get("Origin")
        if request.method not in SAFE and origin is not None and urlsplit(origin).netloc != request.host:
            return _refuse(WRONG_ORIGIN)
        return None

    policy = content_policy(scripts)

    @server.after_request
    def add_headers(answer):
        answer.headers.update(HEADERS | {"Content-Security-Policy": policy})
        if not is_id(g.session_id) and answer.status_code == 200:
            _set_cookie(answer, session_cookie, new_id())
        return answer


def content_policy(scripts):
    """The content security policy: all from this server, and no script in the page but those of these hashes.

    Styles may stand in the page, since the components of Dash and Plotly write theirs there.
    """
    return "; ".join(
        [
            "default-src 'none'",
            " ".join(["script-src 'self'", *scripts]),
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "connect-src 'self'",
            "font-src 'self'",
            "form-action 'none'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        ]
    )


def _is_same(shown, token):
    """Whether a token was shown, compared in a time that tells nothing of it."""
    return hmac.compare_digest((shown or "").encode(), token.encode())


def _set_cookie(answer, name, value):
    """A cookie that scripts can't read, and that other sites' requests don't carry."""
    answer.set_cookie(name, value, httponly=True, samesite="Strict", path="/")


def _refuse(text):
    return Response(text, status=403, mimetype="text/plain")
