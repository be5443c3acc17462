"""The model methods a client may call, bound to their arguments as each protocol does it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from connections.sandbox.odoo.environment import Environment
from connections.sandbox.odoo.failures import OdooError, access_error, not_found, unprocessable
from connections.sandbox.odoo.fields import Field, Row

Function = Callable[..., Any]


@dataclass(frozen=True)
class Method:
    """A method of every model, or of the named ones. bound: it works on rows, whose ids come first."""

    function: Function
    bound: bool
    versions: tuple[int, ...]
    models: tuple[str, ...]


METHODS: dict[str, Method] = {}


def remote(
    *, bound: bool = False, versions: tuple[int, ...] = (17, 19), models: tuple[str, ...] = ()
) -> Callable[[Function], Function]:
    """Register a function(environment, model, ...) as a method clients may call."""

    def register(function: Function) -> Function:
        METHODS[function.__name__] = Method(function, bound, versions, models)
        return function

    return register


def call_positional(environment: Environment, model: str, name: str, args: list[Any], kwargs: Row) -> Any:
    """Call a method as execute_kw does. Raises OdooError named as JSON-RPC clients see it."""
    if name.startswith("_"):
        raise access_error(f"Private methods (such as {name}) cannot be called remotely.")
    method = _find(environment, model, name)
    if method is None:
        raise OdooError("builtins.AttributeError", f"The method '{name}' does not exist on the model '{model}'")
    if method.bound and not args:
        if "ids" not in kwargs:
            raise OdooError("builtins.IndexError", "tuple index out of range")
        args, kwargs = [kwargs["ids"]], {key: value for key, value in kwargs.items() if key != "ids"}
    if method.bound:
        args = [_ids(args[0]), *args[1:]]
    try:
        bound = inspect.signature(method.function).bind(environment, model, *args, **kwargs)
    except TypeError as error:
        raise OdooError("builtins.TypeError", f"BaseModel.{name}() {error}") from None
    return method.function(*bound.args, **bound.kwargs)


def call_named(environment: Environment, model: str, name: str, given: Row) -> Any:
    """Call a method as JSON-2 does: named arguments only. Raises OdooError named as JSON-2 clients see it."""
    if name.startswith("_"):
        raise access_error(f"Private methods (such as '{model}.{name}') cannot be called remotely.")
    method = _find(environment, model, name)
    if method is None:
        raise not_found(f"The method '{model}.{name}' does not exist")
    ids = given.pop("ids", None)
    if ids is not None and not method.bound:
        raise unprocessable(f"cannot call {model}.{name} with ids")
    args = (_ids(ids or []),) if method.bound else ()
    try:
        bound = inspect.signature(method.function).bind(environment, model, *args, **given)
    except TypeError as error:
        raise unprocessable(str(error)) from None
    return method.function(*bound.args, **bound.kwargs)


def _find(environment: Environment, model: str, name: str) -> Method | None:
    method = METHODS.get(name)
    if method is None or environment.store.version not in method.versions:
        return None
    return method if not method.models or model in method.models else None


def _ids(value: Any) -> list[int]:
    return [value] if isinstance(value, int) else list(value)


@remote()
def search_read(
    environment: Environment, model: str, domain: Any = None, fields: Any = None, offset: int = 0, limit: Any = None,
    order: Any = None, **reading: Any,
) -> list[Row]:  # fmt: skip
    unknown = [name for name in reading if name != "load"]
    if unknown:
        raise OdooError(
            "builtins.TypeError", f"BaseModel._read_format() got an unexpected keyword argument '{unknown[0]}'"
        )
    asked = environment.checked(model, fields or ())
    ids = environment.search(model, domain, offset, limit, order)
    return environment.read(model, ids, asked, pairs=reading.get("load", True) not in ("", None, False))


@remote()
def search(
    environment: Environment, model: str, domain: Any, offset: int = 0, limit: Any = None, order: Any = None
) -> list[int]:
    return environment.search(model, domain, offset, limit, order)


@remote()
def search_count(environment: Environment, model: str, domain: Any, limit: Any = None) -> int:
    return environment.count(model, domain, limit)


@remote(bound=True)
def read(
    environment: Environment, model: str, ids: list[int], fields: Any = None, load: Any = "_classic_read"
) -> list[Row]:
    return environment.read(model, ids, fields or (), pairs=load == "_classic_read")


@remote()
def fields_get(environment: Environment, model: str, allfields: Any = None, attributes: Any = None) -> Row:
    """Describe the fields asked for; unknown ones, and those the user may not read, are left out."""
    fields = environment.fields(model)
    wanted = set(allfields) if allfields else set(fields)
    return {
        name: {key: value for key, value in described(field).items() if not attributes or key in attributes}
        for name, field in fields.items()
        if name in wanted
    }


def described(field: Field) -> Row:
    """Return all attributes fields_get knows of a field."""
    about: Row = {
        "type": field.type,
        "string": field.name.removesuffix("_id").removesuffix("_ids").replace("_", " ").title(),
        "readonly": field.readonly,
        "required": field.required,
        "store": field.store,
        "searchable": True,
        "sortable": field.store,
        "name": field.name,
    }
    if field.relation:
        about["relation"] = field.relation
    if field.inverse:
        about["relation_field"] = field.inverse
    if field.selection:
        about["selection"] = [list(pair) for pair in field.selection]
    if field.digits:
        about["digits"] = list(field.digits)
    return about


@remote(models=("res.users",))
def context_get(environment: Environment, model: str) -> Row:
    user = environment.store.rows(model)[environment.user.uid]
    return {"lang": user["lang"], "tz": user["tz"], "uid": environment.user.uid}


@remote(bound=True, versions=(17,))
def exists(environment: Environment, model: str, ids: list[int]) -> list[int]:
    rows = environment.store.rows(model)
    return [number for number in ids if number in rows]


@remote(versions=(17,))
def check_access_rights(environment: Environment, model: str, operation: str, raise_exception: bool = True) -> bool:
    """Say whether the user may do operation; that the call came here says it for reading."""
    return operation == "read" or "system" in environment.user.groups


@remote(bound=True, versions=(19,))
def has_access(environment: Environment, model: str, ids: list[int], operation: str) -> bool:
    return operation == "read" or "system" in environment.user.groups


@remote()
def create(environment: Environment, model: str, vals_list: Any) -> int | list[int]:
    store = environment.store
    if isinstance(vals_list, dict):
        return store.create(model, vals_list)
    return [store.create(model, values) for values in vals_list]


@remote(bound=True)
def write(environment: Environment, model: str, ids: list[int], vals: Row) -> bool:
    environment.store.write(model, ids, vals)
    return True
