"""What Kubernetes accepts as a label or as a name; each check returns what is wrong with it.

Source: k8s.io/apimachinery/pkg/util/validation/validation.go.
"""

from __future__ import annotations

import re

_QUALIFIED_NAME = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_LABEL_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
_DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_DNS_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")

_NAME_RULE = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric"
    " character (e.g. 'MyName' or 'my.name' or '123-abc')"
)
_LOWER_RULE = (
    "must consist of lower case alphanumeric characters or '{}',"
    " and must start and end with an alphanumeric character"
)


def dns_label_errors(text: str) -> list[str]:
    return _check(text, 63, _DNS_LABEL, "a lowercase RFC 1123 label " + _LOWER_RULE.format("-"))


def label_value_errors(text: str) -> list[str]:
    return _check(text, 63, _LABEL_VALUE, "a valid label must be an empty string or " + _NAME_RULE[5:])


def qualified_name_errors(text: str) -> list[str]:
    """A label's key: a name, or a DNS subdomain, a slash and a name."""
    prefix, slash, name = text.rpartition("/")
    errors: list[str] = []
    if "/" in prefix:
        return [
            f"a qualified name {_NAME_RULE} with an optional DNS subdomain prefix and '/'"
            " (e.g. 'example.com/MyName')"
        ]
    if slash and not prefix:
        errors.append("prefix part must be non-empty")
    elif slash:
        rule = "a lowercase RFC 1123 subdomain " + _LOWER_RULE.format("-' or '.")
        errors += [f"prefix part {error}" for error in _check(prefix, 253, _DNS_SUBDOMAIN, rule)]
    if not name:
        errors.append("name part must be non-empty")
    return errors + [f"name part {error}" for error in _check(name, 63, _QUALIFIED_NAME, _NAME_RULE)]


def _check(text: str, limit: int, pattern: re.Pattern[str], rule: str) -> list[str]:
    errors = [f"must be no more than {limit} characters"] if len(text) > limit else []
    if not pattern.fullmatch(text):
        errors.append(rule)
    return errors
