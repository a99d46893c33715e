"""The real program, asked what its own schema allows and what it does not: no answer is a server's error (X1).

A whole node with two cameras records meanwhile, so that lists, timelines and pictures have something in them (F54).
"""

import json
import os
import re
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from support.node import Node, holdfast, simulate

EXAMPLES = int(os.environ.get("HOLDFAST_FUZZ_EXAMPLES", "8"))  # an operation and kind; a few thousand find more
ENDLESS = {"/api/v1/changes", "/api/v1/cameras/{camera}/live.mjpeg", "/stream"}
"""What answers until its viewer leaves: other tests look at those."""

AWAY = {"/health", "/api/v1/health"}  # 503 is their answer to a camera that is switched off by the fuzz itself
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


class Served:
    """A node that records and serves, and an administrator's token for it."""

    def __init__(self, node: Node, address: str, token: str) -> None:
        self.node = node
        self.address = address
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.headers["Authorization"] = f"Bearer {token}"
        found = self.http.get(f"{address}/api/v1/openapi.json", timeout=60).json()
        self.schema = schemathesis.openapi.from_dict(found)

    def operations(self) -> list[Any]:
        """Every operation that ends by itself; those that change something last, removing at the very end."""
        order = ["get", "head", "post", "put", "patch", "delete"]
        found = [result.ok() for result in self.schema.get_all_operations() if isinstance(result, Ok)]
        return sorted((op for op in found if op.path not in ENDLESS), key=lambda op: order.index(op.method))


@pytest.fixture(scope="module", name="served")
def _served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    root = tmp_path_factory.mktemp("fuzz")
    with pytest.MonkeyPatch.context() as patch, simulate("gate", "yard") as sim:
        patch.setenv("HOLDFAST_WEB__ENABLED", "true")
        urls = {name: sim.url(name) for name in ("gate", "yard")}
        with Node(root, urls, more="[web]\nport = 0\n[defaults]\nsegment_s = 2\n") as node:
            node.run()
            node.until(lambda: node.role("server").get("url") or node.role("server").get("port"))
            node.until(lambda: node.recording("gate", "yard"))
            node.until(lambda: len(list((root / "vol").rglob("*.mp4"))) >= 6)
            made = holdfast("tokens", "add", "fuzz", "--role", "admin", "-c", str(node.config))
            (token,) = re.findall(r"hf_[\w-]{20,}", made.stdout)
            yield Served(node, _address(node), token)


def _address(node: Node) -> str:
    body = node.role("server")
    return str(body.get("url") or f"http://127.0.0.1:{body['port']}").rstrip("/")


def _wrong(served: Served, operation: Any, mode: GenerationMode, **fixed: Any) -> list[str]:
    """Ask for an operation many times; return what was wrong with an answer, and how to ask so again."""
    checks = [c for c in CHECKS if not (c is not_a_server_error and operation.path in AWAY)]

    @settings(
        max_examples=EXAMPLES,
        database=None,
        derandomize=True,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode, **fixed))
    def asked(case: Any) -> None:
        response = case.call(base_url=served.address, session=served.http, timeout=60)
        case.validate_response(response, checks=checks)

    try:
        asked()
    except Unsatisfiable:
        return []  # it takes nothing that could be odd
    except FailureGroup as found:
        return [f"{operation.method.upper()} {operation.path}: {failure}" for failure in found.exceptions]
    return []


@pytest.mark.timeout(600)
def test_what_there_is_is_answered_as_the_schema_says(served: Served) -> None:
    """On a node with footage every answer has the form that the documentation gives it (F54, C128)."""
    wrong, seen = [], 0
    for operation in served.operations():
        if operation.method == "get":
            fixed = {"path_parameters": {"camera": "gate"}} if "{camera}" in operation.path else {}
            wrong += _wrong(served, operation, GenerationMode.POSITIVE, **fixed)
            seen += 1
    assert not wrong, "\n\n".join(wrong)
    assert seen > 20, "the schema lists fewer routes than there are"
    rows = served.http.get(f"{served.address}/api/v1/cameras/gate/timeline?from=today&to=now", timeout=60)
    assert "recorded" in rows.text or rows.json()


@pytest.mark.timeout(600)  # two thousand requests, on a machine that others use, too
def test_no_request_is_too_odd(served: Served) -> None:
    """Whatever the schema forbids is refused with a reason, and nothing of it is a server's error (X1, F55, C140)."""
    modes = (GenerationMode.NEGATIVE, GenerationMode.POSITIVE)
    wrong = [line for op in served.operations() for mode in modes for line in _wrong(served, op, mode)]
    assert not wrong, "\n\n".join(wrong)
    log = (served.node.root / "state" / "log" / "server.log").read_text(encoding="utf-8")
    failed = [line for line in log.splitlines() if json.loads(line).get("event") == "request.failed"]
    assert failed == []
