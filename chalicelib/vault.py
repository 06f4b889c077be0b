"""Settings that are secret, from AWS Secrets Manager."""

import re
from collections.abc import Mapping

import msgspec

from chalicelib.answers import Answer
from chalicelib.http import Host, Outcome
from chalicelib.settings import SettingsError
from chalicelib.signing import now_signer

# What passes by itself is tried again after about so many seconds; a process that starts waits no longer than WITHIN_S.
PAUSES_S = (0.1, 0.4)
WITHIN_S = 6.0


class Secret(msgspec.Struct):
    """The part of GetSecretValue's answer that counts."""

    SecretString: str


def settings(environ: Mapping[str, str]) -> dict[str, str]:
    """The settings in the secrets that SECRETS names (ARNs, by comma); each secret is a JSON object of them.

    Raises SettingsError where one cannot be read: nothing of its content is in the error.
    """
    found: dict[str, str] = {}
    for secret in filter(None, (environ.get("SECRETS") or "").split(",")):
        try:
            found |= msgspec.json.decode(_read(environ.get("SECRETS_ENDPOINT", ""), secret), type=dict[str, str])
        except msgspec.DecodeError:
            raise SettingsError(f"The secret {secret} is no JSON object of settings.") from None
    return found


def _read(endpoint: str, secret: str) -> str:
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "secretsmanager.GetSecretValue"}
    request = now_signer("secretsmanager", "POST", f"{endpoint}/", headers).request(
        "", msgspec.json.encode({"SecretId": secret})
    )
    host = Host(endpoint)
    (outcome,) = host.ask([request], within_s=WITHIN_S, pauses_s=PAUSES_S, again=_passes)
    host.hang_up()
    if isinstance(outcome, Answer) and outcome.status == 200:
        return msgspec.json.decode(outcome.body, type=Secret).SecretString
    raise SettingsError(f"The secret {secret} cannot be read: {_words(outcome)}.")


def _passes(outcome: Outcome) -> bool:
    # Reading does no harm, so what was silent is asked again, too.
    return not isinstance(outcome, Answer) or outcome.status >= 500 or "Throttling" in _kind(outcome)


def _kind(answer: Answer) -> str:
    found = re.search(rb'"__type":\s*"([\w.#]+)"', answer.body)
    return found[1].decode() if found else ""


def _words(outcome: Outcome) -> str:
    if not isinstance(outcome, Answer):
        return str(outcome)
    return f"status {outcome.status}" + (f", {_kind(outcome)}" if _kind(outcome) else "")
