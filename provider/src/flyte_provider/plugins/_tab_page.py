"""The Flyte tab's pages: everything is escaped, nothing is loaded, no script runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jinja2

if TYPE_CHECKING:
    from flyte_provider.plugins._tab_facts import Facts

#: Shown in Airflow's own frame only; nothing is fetched from anywhere, Flyte included.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; "
    "base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

_BASE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Flyte</title>
{% if refresh %}<meta http-equiv="refresh" content="5">{% endif %}
<style>
:root { color-scheme: light dark; --line: #8884; --soft: #8881; }
body { font: 14px/1.5 system-ui, sans-serif; margin: 1rem 1.25rem; max-width: 70rem; }
h1 { font-size: 1.1rem; margin: 0 0 .75rem; display: flex; gap: .75rem; align-items: center;
     flex-wrap: wrap; }
h2 { font-size: .95rem; margin: 1.5rem 0 .5rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; margin: 0; }
dt { opacity: .7; } dd { margin: 0; overflow-wrap: anywhere; }
pre { background: var(--soft); border: 1px solid var(--line); border-radius: 4px; padding: .6rem .8rem;
      overflow: auto; max-height: 22rem; margin: .25rem 0; white-space: pre-wrap; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; }
td, th { text-align: left; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid var(--line);
         vertical-align: top; }
th { font-weight: 500; opacity: .7; }
.phase { font-size: .8rem; padding: .1rem .55rem; border-radius: 1rem; color: #fff; }
.phase, .bar { background: #64748b; }
.SUCCEEDED, .RECOVERED { background: #15803d; } .FAILED, .TIMED_OUT, .FAILING { background: #b91c1c; }
.ABORTED, .ABORTING { background: #a16207; } .RUNNING, .DYNAMIC_RUNNING { background: #1d4ed8; }
.track { position: relative; height: .8rem; min-width: 14rem; background: var(--soft); border-radius: 3px; }
.bar { position: absolute; top: 0; bottom: 0; border-radius: 3px; }
</style></head><body>{% block body %}{% endblock %}</body></html>
"""

_EXECUTION = """{% extends "base" %}{% block body %}
<h1>{{ facts.name }} <span class="phase {{ facts.phase }}">{{ facts.phase }}</span>
{% if facts.url|is_web %}<a href="{{ facts.url }}" target="_blank" rel="noopener noreferrer">Flyte console</a>
{% endif %}</h1>
<dl>
<dt>Project</dt><dd>{{ facts.project }} / {{ facts.domain }}</dd>
<dt>Launch plan</dt><dd>{{ facts.entity }}{% if facts.version %}, version {{ facts.version }}{% endif %}</dd>
<dt>Created</dt><dd>{{ facts.created_at }}</dd>
<dt>Duration</dt><dd>{{ "%.1f"|format(facts.seconds) }} s{% if facts.is_live %}, still running{% endif %}</dd>
</dl>
{% if facts.error %}<h2>Error</h2><pre>{{ facts.error }}</pre>{% endif %}
{% if facts.nodes %}<h2>Nodes</h2>
<table><tr><th>Node</th><th>Phase</th><th>Time</th><th></th><th>Attempts</th></tr>
{% for node in facts.nodes %}<tr>
<td>{{ node.name }}</td><td><span class="phase {{ node.phase }}">{{ node.phase }}</span></td>
<td>{{ "%.1f"|format(node.seconds) }} s</td>
<td><div class="track"><div class="bar {{ node.phase }}"
  style="left: {{ node.left }}%; width: {{ node.width }}%"></div></div></td>
<td>{% for attempt in node.attempts %}<div>{{ attempt.number }}: {{ attempt.phase }}
{% for name, uri in attempt.logs %}{% if uri|is_web %}
<a href="{{ uri }}" target="_blank" rel="noopener noreferrer">{{ name }}</a>{% endif %}{% endfor %}</div>
{% endfor %}</td></tr>
{% for attempt in node.attempts if attempt.error %}<tr><td></td><td colspan="4">
<pre>{{ attempt.error }}</pre></td></tr>{% endfor %}
{% endfor %}</table>{% endif %}
{% if facts.inputs %}<h2>Inputs</h2><pre>{{ facts.inputs }}</pre>{% endif %}
{% if facts.outputs %}<h2>Outputs</h2><pre>{{ facts.outputs }}</pre>{% endif %}
{% endblock %}
"""

_MESSAGE = """{% extends "base" %}{% block body %}<h1>{{ title }}</h1><p>{{ text }}</p>{% endblock %}"""


def _is_web(uri: Any) -> bool:
    """Whether a link may be followed: anything but these could be a script."""
    return str(uri).startswith(("https://", "http://"))


_templates = jinja2.Environment(
    loader=jinja2.DictLoader({"base": _BASE, "execution": _EXECUTION, "message": _MESSAGE}), autoescape=True
)
_templates.filters["is_web"] = _is_web


def execution_page(facts: Facts) -> str:
    """Return the page of an execution; it loads itself anew while the execution runs."""
    return _templates.get_template("execution").render(facts=facts, refresh=facts.is_live)


def message_page(title: str, text: str, *, refresh: bool = False) -> str:
    """Return a page that says why there is nothing to see."""
    return _templates.get_template("message").render(title=title, text=text, refresh=refresh)
