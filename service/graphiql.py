"""The page of ``GET /graphql`` in a browser: GraphiQL, with three questions to begin with."""

from __future__ import annotations

import html
import json
import re
from functools import lru_cache

from strawberry.http.ides import get_graphql_ide_html

EXAMPLES = """\
# Three questions to begin with: put the cursor into one and press Ctrl-Enter.

# Units with their people and their polygons, drawn to a metre.
query Grids {
  units(level: "grid", first: 10) {
    totalCount
    nodes {
      code
      name
      parent { name }
      areaM2
      households
      people
      geometry(toleranceM: 1)
    }
  }
}

# Which units is a point in? Outside of all, the nearest one is told.
query Where {
  placeAt(point: {lon: 104.9, lat: 38.4}) {
    units { level { name } code name }
    compound: unit(level: "compound") { name }
    onBorder
    reason
    nearest { code name }
    nearestDistanceM
  }
}

# Are the grids proven: no blank land, no overlap, every household in one of them?
query Proof {
  coverage(level: "grid") {
    clean
    provenParents
    parents
    clauses { rule required holds findingCount }
    households { total covered uncovered doubled }
    findings(first: 5) { nodes { kind message areaM2 } }
  }
}
"""

_PLAIN = """\
<form id="plain" style="display:flex;flex-direction:column;width:100%;padding:1em;gap:.5em">
<p style="margin:0">GraphiQL is being loaded from the network. Without one, ask here:</p>
<textarea name="query" style="flex:1;font-family:monospace" spellcheck="false">{examples}</textarea>
<p style="margin:0">{buttons}</p>
<pre id="answer" style="flex:1;overflow:auto;margin:0"></pre>
</form>
<script>
  document.getElementById("plain").addEventListener("submit", async function (event) {{
    event.preventDefault();
    const asked = {{ query: event.target.query.value, operationName: event.submitter.value }};
    const answer = await fetch(window.location.pathname, {{
      method: "POST",
      headers: {{ "Content-Type": "application/json" }},
      body: JSON.stringify(asked),
    }});
    document.getElementById("answer").textContent =
      JSON.stringify(await answer.json(), null, 2);
  }});
</script>
"""


@lru_cache(maxsize=1)
def page() -> str:
    """Return the page: Strawberry's GraphiQL with our questions.

    GraphiQL's scripts come from the network. Until they are there, and where there is no way to
    them, a plain form asks the same questions.
    """
    ours = f"const EXAMPLE_QUERY = {json.dumps(EXAMPLES)};"
    text = get_graphql_ide_html("graphiql")
    text = re.sub(r"const EXAMPLE_QUERY = `.*?`;", lambda _: ours, text, flags=re.DOTALL)
    text = text.replace("<title>Strawberry GraphiQL</title>", "<title>Wangge: GraphiQL</title>")
    return text.replace("Loading...", _plain_form())


def operations() -> list[str]:
    """Return the names of the questions."""
    return re.findall(r"^query (\w+)", EXAMPLES, flags=re.MULTILINE)


def _plain_form() -> str:
    buttons = " ".join(
        f'<button type="submit" value="{name}">{name}</button>' for name in operations()
    )
    return _PLAIN.format(examples=html.escape(EXAMPLES), buttons=buttons)
