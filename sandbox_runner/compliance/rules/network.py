"""Nothing in a training algorithm talks to a network."""

from __future__ import annotations

from collections.abc import Iterator

from sandbox_runner.compliance.findings import Finding, Verdict
from sandbox_runner.compliance.rules.base import Rule
from sandbox_runner.compliance.source import Sources, imports, starts_with

_MODULES = (
    "socket",
    "socketserver",
    "ssl",
    "select",
    "selectors",
    "urllib",
    "urllib3",
    "http",
    "ftplib",
    "smtplib",
    "poplib",
    "imaplib",
    "telnetlib",
    "xmlrpc",
    "webbrowser",
    "requests",
    "httpx",
    "aiohttp",
    "boto3",
    "gcsfs",
    "huggingface_hub",
    "wandb",
    "torch.hub",
    "torch.distributed.rpc",
)


def _find(sources: Sources) -> Iterator[Finding]:
    for module in sources.modules:
        for node, name in imports(module):
            if any(starts_with(name, forbidden) for forbidden in _MODULES):
                yield RULE.at(module, node, Verdict.REJECTED, f"{name} opens network connections.")


RULE = Rule(
    id="network",
    title="Nothing talks to a network",
    why="A trial starts from nothing but the submission and the training data. There is no network where it runs.",
    fix="Take the import out. What the algorithm needs has to be in the archive.",
    verdicts=(Verdict.REJECTED,),
    find=_find,
)
