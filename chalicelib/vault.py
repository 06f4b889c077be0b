"""Settings that are secret, from AWS Secrets Manager."""

import re
import time
from collections.abc import Mapping

import msgspec
import urllib3
from urllib3.exceptions import HTTPError

from chalicelib.settings import SettingsError
from chalicelib.signing import now_signed

TIMEOUT = urllib3.Timeout(connect=1.0, read=3.0)
# What passes by itself is tried again after so many seconds.
PAUSES_S = (0.1, 0.4)


class Answer(msgspec.Struct):
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
    body = msgspec.json.encode({"SecretId": secret})
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "secretsmanager.GetSecretValue"}
    trouble = ""
    for pause in (*PAUSES_S, 0.0):
        signed = now_signed("secretsmanager", "POST", f"{endpoint}/", body, headers)
        try:
            answer = urllib3.request("POST", f"{endpoint}/", body=body, headers=signed, timeout=TIMEOUT, retries=False)
        except HTTPError as error:
            trouble = type(error).__name__
        else:
            if answer.status == 200:
                return msgspec.json.decode(answer.data, type=Answer).SecretString
            kind = re.search(rb'"__type":\s*"([\w.#]+)"', answer.data)
            trouble = f"status {answer.status}" + (f", {kind[1].decode()}" if kind else "")
            if answer.status < 500 and "Throttling" not in trouble:
                break
        time.sleep(pause)
    raise SettingsError(f"The secret {secret} cannot be read: {trouble}.")
