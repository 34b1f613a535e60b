"""Writes the references from the code: ``make docs``. A test holds them to it.

=====================  =====================================
``docs/settings.md``   every setting
``docs/cli.md``        every command, as ``--help`` tells it
``docs/http.md``       the service, from its OpenAPI document
``docs/metrics.md``    the table of metrics
=====================  =====================================
"""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Final

import click

from mlproject import config
from mlproject.bootstrap import App
from mlproject.cli import tvrec
from mlproject.config import Settings
from mlproject.monitoring.reference import metrics_table
from mlproject.serving.application import application

ROOT: Final = Path(__file__).parents[1]
_WIDTH: Final = 90
_LARGE: Final = 2**53
_OF_A_SCHEMA: Final = ("anyOf", "oneOf", "allOf")


def settings() -> str:
    """Return the page of settings, with its table as it is now."""
    lines = ["| variable | default | what it is |", "|---|---|---|"]
    for field, info in Settings.model_fields.items():
        default = "" if info.default is None else f"`{info.default}`"
        lines.append(f"| `{config.variable(field)}` | {default} | {info.description} |")
    return _with_table("settings.md", "\n".join(lines))


def cli() -> str:
    """Return the page of commands."""
    parts = ["# Commands\n", "Made from `--help` by `make docs`.\n"]
    for name, help_text in _helps(tvrec, "tvrec"):
        parts.append(f"## {name}\n\n```text\n{help_text}\n```\n")
    return "\n".join(parts)


def http() -> str:
    """Return the page of routes."""
    document = application(lambda: nullcontext(App(config.load()))).openapi()
    schemas = document["components"]["schemas"]
    parts = [
        "# The service\n",
        "Made from the OpenAPI document (`GET /docs.json`) by `make docs`. Every error is a",
        "problem (RFC 9457): `application/problem+json` with a sentence that says what to do.\n",
    ]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            parts.append(f"## {method.upper()} {path}\n")
            parts.append(f"{operation.get('description') or operation['summary'] + '.'}\n")
            parts.extend(_fields("It takes", _taken(operation, schemas)))
            parts.append("| status | |\n|---|---|")
            parts += [
                f"| {status} | {_answer(answer)} |"
                for status, answer in sorted(operation["responses"].items())
                if status != "default"
            ]
            parts.append("")
    return "\n".join(parts)


def metrics() -> str:
    """Return the page of metrics, with its table as it is now."""
    return _with_table("metrics.md", metrics_table())


def _with_table(page: str, table: str) -> str:
    """Return a page whose end is a table, with that table."""
    text = (ROOT / "docs" / page).read_text()
    heads = table[: table.index("\n")]
    return f"{text[: text.index(heads)]}{table}\n"


REFERENCES: Final[dict[str, Callable[[], str]]] = {
    "docs/settings.md": settings,
    "docs/cli.md": cli,
    "docs/http.md": http,
    "docs/metrics.md": metrics,
}


def _helps(
    command: click.Command, name: str, parent: click.Context | None = None
) -> Iterator[tuple[str, str]]:
    context = click.Context(
        command,
        parent,
        info_name=name,
        terminal_width=_WIDTH,
        max_content_width=_WIDTH,
        **(command.context_settings or {}),
    )
    yield context.command_path, command.get_help(context)
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            if found is not None:
                yield from _helps(found, child, context)


def _taken(operation: dict[str, Any], schemas: dict[str, Any]) -> dict[str, tuple[Any, bool]]:
    """Return each parameter and field of the body: its schema, and whether it must be there."""
    found = {
        one["name"]: (one["schema"] | {"description": one.get("description", "")}, one["required"])
        for one in operation.get("parameters", [])
    }
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    schema = _resolved(body.get("schema", {}), schemas)
    for name, field in schema.get("properties", {}).items():
        found[name] = (field, name in schema.get("required", []))
    return found


def _fields(title: str, fields: dict[str, tuple[Any, bool]]) -> Iterator[str]:
    if not fields:
        return
    yield f"| {title} | kind | |\n|---|---|---|"
    for name, (schema, required) in fields.items():
        must = " (required)" if required else ""
        yield f"| `{name}`{must} | {_kind(schema)} | {schema.get('description', '')} |"
    yield ""


def _kind(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    for name in _OF_A_SCHEMA:
        if name in schema:
            return " or ".join(_kind(one) for one in schema[name])
    kind = str(schema.get("type", "any"))
    if kind == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    low, high = schema.get("minimum"), schema.get("maximum", _LARGE)
    limits = [f"from {low:g}"] if low is not None else []
    # What an integer can hold at all is no limit to speak of.
    limits += [f"to {high:g}"] if high < _LARGE else []
    return " ".join([kind, *limits])


def _answer(answer: dict[str, Any]) -> str:
    schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
    description = str(answer["description"]).replace("Successful Response", "")
    return f"{description} `{_kind(schema)}`".strip() if schema else description


def _resolved(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").rpartition("/")[2]
    return dict(schemas[name]) if name else schema


if __name__ == "__main__":
    for document, made in REFERENCES.items():
        (ROOT / document).write_text(made())
