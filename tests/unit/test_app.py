"""What is shipped: app.py imports without Redis and without settings, and the scripts come with the package."""

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def _python(code: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=ROOT, env=environ, capture_output=True, text=True, check=False
    )


ENTRY_POINTS = """
import socket
def refuse(*args, **named):
    raise AssertionError("a socket is opened while app.py is imported")
socket.socket.connect = refuse
import app
for name in ("connect", "message", "disconnect", "flush", "broadcast", "sweep"):
    assert callable(getattr(app, name)), name
print(sorted(app.app.routes), sorted(app.app.websocket_handlers))
"""


def test_app_is_imported_without_settings_and_without_redis() -> None:
    run = _python(ENTRY_POINTS)
    assert run.returncode == 0, run.stderr
    assert "/health" in run.stdout
    assert "'$connect', '$default', '$disconnect'" in run.stdout


def test_app_is_imported_with_settings_that_cannot_be_used() -> None:
    # The Chalice CLI imports it on a machine that has none of the service's settings, or others.
    run = _python(ENTRY_POINTS, REDIS_URL="nonsense", REDIS_CLUSTER="1", JWT_SECRET="short", RATE_LIMIT="x")
    assert run.returncode == 0, run.stderr


def test_a_wrong_setting_stops_a_function_with_its_one_line() -> None:
    run = _python("from chalicelib.bootstrap import services; services()", JWT_SECRET="p4ssw0rd")
    assert run.returncode == 1
    assert run.stderr.strip().splitlines()[-1].startswith("chalicelib.settings.SettingsError: JWT_SECRET must have")
    assert "p4ssw0rd" not in run.stderr


def test_services_are_made_without_a_connection() -> None:
    run = _python(
        "from chalicelib.bootstrap import services; print(type(services().store).__name__)",
        JWT_SECRET="x" * 32,
        REDIS_URL="redis://127.0.0.1:1",
    )
    assert (run.returncode, run.stdout) == (0, "Store\n"), run.stderr


COLD = "import sys, app; print([name for name in {names!r} if name in sys.modules])"


def test_a_cold_start_does_not_pay_for_what_few_functions_need() -> None:
    run = _python(
        COLD.format(
            names=["boto3", "botocore.client", "jwt", "cryptography.hazmat.primitives", "moto", "infra", "tests"]
        )
    )
    assert (run.returncode, run.stdout) == (0, "[]\n"), run.stderr


def test_the_scripts_are_found_in_a_zip_as_they_are_shipped(tmp_path: Path) -> None:
    archive = tmp_path / "deployment.zip"
    with zipfile.ZipFile(archive, "w") as shipped:
        for path in sorted((ROOT / "chalicelib").rglob("*")):
            if path.suffix in {".py", ".lua"}:
                shipped.write(path, path.relative_to(ROOT))
    code = f"""
import sys
sys.path = [{str(archive)!r}] + [entry for entry in sys.path if entry]
from chalicelib.store import scripts
print(scripts.__file__)
print(scripts.source("message_append").count("--@include"), len(scripts.sha("time_read")))
"""
    run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    where, sizes = run.stdout.splitlines()
    assert where.startswith(str(archive))
    assert sizes == "0 40"
