"""Kubernetes quantities (``500m``, ``2Gi``, ``1e3``) as exact numbers.

Source: k8s.io/apimachinery/pkg/api/resource/quantity.go.
"""

from __future__ import annotations

import math
import re
from fractions import Fraction

_SYNTAX = re.compile(r"([+-]?)(\d+(?:\.\d*)?|\.\d+)([eE][+-]?\d+|[A-Za-z]*)", re.ASCII)
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_MAX_EXPONENT = 100


def parse_quantity(text: str) -> Fraction:
    """:raises ValueError: not a quantity; the message says why."""
    match = _SYNTAX.fullmatch(text)
    if match is None:
        raise ValueError(
            "quantities must match the regular expression '([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)'"
        )
    sign, digits, suffix = match.groups()
    return Fraction(sign + digits) * _multiplier(suffix)


def round_up(quantity: Fraction) -> int:
    """To the next whole number, away from zero, as Kubernetes does before it compares."""
    return math.ceil(quantity) if quantity > 0 else math.floor(quantity)


def _multiplier(suffix: str) -> Fraction:
    if suffix in _DECIMAL:
        return Fraction(10) ** _DECIMAL[suffix]
    if suffix in _BINARY:
        return Fraction(2) ** _BINARY[suffix]
    if suffix[0] in "eE" and len(suffix) > 1 and suffix[-1].isdigit():
        exponent = int(suffix[1:])
        if abs(exponent) <= _MAX_EXPONENT:
            return Fraction(10) ** exponent
    raise ValueError("unable to parse quantity's suffix")
