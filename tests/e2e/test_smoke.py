"""`make smoke URL=…`: the command runs these tests from outside, and says in one line when it cannot."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from tests.e2e.conftest import SHARED_SECRET, Marketplace
from tests.e2e.server import ROOT, Server, free_port, launch
from tests.smoke import chosen
from tests.smoke.front import Front
from tests.smoke.stage import Signer, Stage, Unfit

RATE = 5
BY_SECRET = Signer.of({"JWT_SECRET": SHARED_SECRET})


def smoke(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """What `make smoke` runs, to its end."""
    process = launch(["-m", "tests.smoke", *arguments], env)
    try:
        stdout, stderr = process.communicate(timeout=180)
    finally:
        process.kill()
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


def in_one_line(said: subprocess.CompletedProcess[str]) -> str:
    """The only line of a run that could not begin."""
    assert (said.returncode, said.stdout) == (2, ""), said
    (line,) = said.stderr.splitlines()
    return line


def pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, path: Path, passphrase: str = "") -> str:
    locked = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked))
    return str(path)


@pytest.fixture(scope="module")
def lax_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A stage that lets in a page which the tests expect to be refused, and its users make few requests only."""
    settings = {"JWT_SECRET": SHARED_SECRET, "ALLOWED_ORIGINS": "https://nobody-s.example", "RATE_LIMIT": str(RATE)}
    with Server.start(tmp_path_factory.mktemp("lax"), env=settings) as server:
        yield server


@pytest.fixture
def somebody_else_s() -> Iterator[str]:
    """A site that is no kefu, and has a page for whatever it is asked."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html>\n<title>Tea</title>\n<h1>Tea of the season</h1>\n")

        def log_message(self, format: str, *arguments: object) -> None:
            """Nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as site:
        Thread(target=site.serve_forever).start()
        yield f"http://127.0.0.1:{site.server_port}"
        site.shutdown()


def test_a_stage_passes_within_its_limits_and_nobody_else_hears_of_it(tmp_path: Path) -> None:
    """As deployed: the default rate limit, routes under a path, an address of the socket's own, and TLS for both."""
    port = free_port()
    settings = {"JWT_SECRET": SHARED_SECRET, "SOCKET_URL": f"wss://127.0.0.1:{port}/ws"}
    with (
        Server.start(tmp_path, env=settings) as server,
        Front(port, base="/api", server_port=server.port, folder=tmp_path) as stage,
    ):
        market = Marketplace(server)
        shop = market.open_store()
        bystanders = shop.agent(), shop.customer()
        # A part of them: all of them have run once, on this very service.
        trust = {"JWT_SECRET": SHARED_SECRET, "SSL_CERT_FILE": str(stage.certificate)}
        run = smoke(stage.url, "-k", "test_claiming or test_stage or test_walls", **trust)
        assert run.returncode == 0, run.stdout
        passed = re.search(r"= (\d+) passed, \d+ deselected in ", run.stdout)
        assert passed, run.stdout
        assert int(passed[1]) > 40, run.stdout
        assert f"kefu at {stage.url}, its socket at {settings['SOCKET_URL']}." in run.stdout
        assert "begin with test-" in run.stdout
        assert SHARED_SECRET not in run.stdout + run.stderr
        assert [bystander.fence() for bystander in bystanders] == [[], []]
        market.close()


def test_a_stage_where_a_test_fails_fails_the_command(lax_server: Server) -> None:
    run = smoke(lax_server.url, "-k", "origin", JWT_SECRET=SHARED_SECRET)
    assert run.returncode == 1, run.stdout
    assert "FAILED tests/e2e/test_stage.py::test_a_page_of_an_origin_that_nobody_allowed_opens_no_socket" in run.stdout


def test_an_address_where_nothing_answers_is_said_in_a_line() -> None:
    url = f"http://127.0.0.1:{free_port()}/api"
    line = in_one_line(smoke(url, JWT_SECRET=SHARED_SECRET))
    assert f"Nothing answers at {url}: " in line


def test_a_site_that_is_no_kefu_is_said_in_a_line(somebody_else_s: str) -> None:
    line = in_one_line(smoke(somebody_else_s, JWT_SECRET=SHARED_SECRET))
    assert f"{somebody_else_s} is no kefu" in line
    assert "Tea of the season" in line


def test_a_secret_that_the_stage_does_not_take_is_said_in_a_line(server: Server) -> None:
    line = in_one_line(smoke(server.url, JWT_SECRET="the secret of another stage, long enough"))
    assert f"{server.url} does not take tokens that are signed by JWT_SECRET" in line


def test_without_a_key_or_an_address_the_command_says_what_it_needs(server: Server) -> None:
    assert "JWT_PRIVATE_KEY_FILE" in in_one_line(smoke(server.url))
    assert "URL=https://" in in_one_line(smoke("", JWT_SECRET=SHARED_SECRET))


@pytest.mark.parametrize(
    "url",
    [
        "kefu.example/api",
        "ftp://kefu.example",
        "https://",
        "https://kefu.example:0/",
        "http://[::1/",
        "https://kefu.example/?a=b",
    ],
)
def test_what_is_no_address_is_not_asked(url: str) -> None:
    with pytest.raises(Unfit, match="is no address of a stage"):
        Stage.reach(url, BY_SECRET)


def test_the_identity_provider_s_key_serves_too(
    server: Server, signing_key: ec.EllipticCurvePrivateKey, tmp_path: Path
) -> None:
    signer = Signer.of({"JWT_PRIVATE_KEY_FILE": pem(signing_key, tmp_path / "key.pem")})
    assert signer.algorithm == "ES256"
    found = Stage.reach(f"{server.url}/", signer)
    assert (found.url, found.ws, found.port) == (server.url, server.ws, server.port)
    another = Signer.of({"JWT_PRIVATE_KEY_FILE": pem(ec.generate_private_key(ec.SECP256R1()), tmp_path / "other.pem")})
    with pytest.raises(Unfit, match="signed by JWT_PRIVATE_KEY_FILE"):
        Stage.reach(server.url, another)


def test_an_rsa_key_signs_rs256(tmp_path: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    signer = Signer.of({"JWT_PRIVATE_KEY_FILE": pem(key, tmp_path / "key.pem")})
    token = Stage("https://kefu.example", "wss://kefu.example", signer).token("carl", scope="admin")
    claims = jwt.decode(token, key.public_key(), algorithms=["RS256"])
    assert (claims["sub"], claims["scope"], "name" in claims) == ("carl", "admin", False)


def test_a_key_that_cannot_be_used_is_said_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "no.pem").write_text("no key\n")
    files = [
        tmp_path / "nowhere.pem",
        tmp_path / "no.pem",
        pem(ec.generate_private_key(ec.SECP384R1()), tmp_path / "p384.pem"),
        pem(ec.generate_private_key(ec.SECP256R1()), tmp_path / "locked.pem", "sesame"),
    ]
    for environ in ({"JWT_SECRET": "short"}, *({"JWT_PRIVATE_KEY_FILE": str(file)} for file in files)):
        with pytest.raises(Unfit) as refused:
            Signer.of(environ)
        assert len(str(refused.value).splitlines()) == 1, environ
        assert next(iter(environ)) in str(refused.value)


def test_a_patient_client_is_served_where_another_is_refused(lax_server: Server) -> None:
    outcomes = {}
    for patient in (True, False):
        market = Marketplace(lax_server, patient=patient)
        shop, customer = market.open_store(), market.connect()
        asked = [customer.post("store", store=shop.store) for _ in range(RATE * 6)]
        outcomes[patient] = {customer.answer(id_)["type"] for id_ in asked}
        market.close()
    assert outcomes == {True: {"reply"}, False: {"reply", "error"}}


def test_every_test_that_is_left_out_exists() -> None:
    left_out = [name for names in chosen.LEFT_OUT.values() for name in names]
    for name in left_out:
        file, _, function = name.partition("[")[0].partition("::")
        assert file in chosen.FILES, name
        assert f"\ndef {function}(" in (ROOT / chosen.E2E / file).read_text(encoding="utf-8"), name
