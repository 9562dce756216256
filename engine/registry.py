"""Configurations and the registries that hold them.

Datasets, networks and optimizers have the same interface: a name, a label and a set of fields with
ranges. `Config` is that interface; `Registry` finds one by name and builds it from JSON, so the
CLI, links and the page's pickers treat all three alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticUndefined

from .errors import BadInput, explain
from .system.input_checks import usual_numbers


class Fields(BaseModel):
    """A validated set of fields. Unknown fields, NaN, infinities and numbers that are too long are
    rejected.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _usual_numbers(cls, value: Any, info: ValidationInfo) -> Any:
        field = cls.model_fields[str(info.field_name)]
        return usual_numbers(value, field.annotation)


def renamed(**fields: str) -> Mapping[str, str]:
    """Replace the names of fields from earlier versions by the present ones; see
    `Config.formerly`.
    """
    return MappingProxyType(fields)


class Config(Fields):
    """A set of fields with a name."""

    name: ClassVar[str]
    """The name in links, JSON and on the command line, such as ``annealing``."""
    label: ClassVar[str]
    """The label that people read, such as "Simulated annealing"."""
    formerly: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """Names of fields in earlier versions → present names. Links, JSON and recordings that use an
    earlier name keep working.
    """

    @classmethod
    def current(cls, field: str) -> str:
        """Return the present name of a field, given that name or an earlier one."""
        if field in cls.model_fields:
            return field
        for base in cls.__mro__:
            if field in vars(base).get("formerly", {}):
                return str(vars(base)["formerly"][field])
        return field

    @model_validator(mode="before")
    @classmethod
    def _current_names(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        renamed: dict[Any, Any] = {}
        for name, entry in value.items():
            new = cls.current(name) if isinstance(name, str) else name
            if new in renamed:
                raise BadInput(name, entry, f"one value only ({new} is given too)")
            renamed[new] = entry
        return renamed

    def to_json(self) -> dict[str, Any]:
        """Return ``{"name": …}`` and every field, as JSON values."""
        return {"name": self.name, **self.model_dump(mode="json")}


C = TypeVar("C", bound=Config)


class Registry(Generic[C]):
    """Names → configurations, in the order they were added (the order people see).

    Args:
        what: what is registered, singular, for messages: "dataset".
    """

    def __init__(self, what: str) -> None:
        self.what = what
        self._classes: dict[str, type[C]] = {}

    def add(self, cls: type[C]) -> type[C]:
        """Register a class under its name; can be used as a decorator."""
        if cls.name in self._classes:
            raise ValueError(f"{self.what} {cls.name} is registered twice")
        self._classes[cls.name] = cls
        return cls

    def sort(self, key: Callable[[type[C]], Any]) -> None:
        """Order the classes by a key; classes with equal keys stay in the order they were added."""
        self._classes = {cls.name: cls for cls in sorted(self._classes.values(), key=key)}

    def __iter__(self) -> Iterator[type[C]]:
        return iter(self._classes.values())

    def __contains__(self, name: object) -> bool:
        return name in self._classes

    def names(self) -> list[str]:
        return list(self._classes)

    def get(self, name: Any, field: str | None = None) -> type[C]:
        """Return the class of that name.

        Raises:
            BadInput: there is no such name; the message lists the existing ones.
        """
        if not isinstance(name, str) or name not in self._classes:
            raise BadInput(field or self.what, name, f"one of {', '.join(self._classes)}")
        return self._classes[name]

    def build(self, value: Any, field: str | None = None) -> C:
        """Return a configuration built from a name, from ``{"name": …, field: …}``, or already
        built.

        Raises:
            BadInput: unknown name, unknown field or a value out of range.
        """
        field = field or self.what
        if isinstance(value, Config):
            if type(value) not in self._classes.values():
                raise BadInput(field, value.name, f"one of {', '.join(self._classes)}")
            return value  # type: ignore[return-value]
        if isinstance(value, str):
            value = {"name": value}
        if not isinstance(value, dict):
            raise BadInput(
                field, value, f"a name or an object with a name ({', '.join(self._classes)})"
            )
        if "name" not in value:
            raise BadInput(f"{field}.name", None, f"one of {', '.join(self._classes)}")
        cls = self.get(value["name"], f"{field}.name")
        try:
            return cls.model_validate({key: entry for key, entry in value.items() if key != "name"})
        except ValidationError as error:
            raise explain(error, (field,)) from None

    def describe(self) -> list[dict[str, Any]]:
        """Return everything about every configuration, as JSON values, for the catalogue."""
        return [{"name": cls.name, "label": cls.label, "fields": fields(cls)} for cls in self]


def fields(cls: type[BaseModel]) -> list[dict[str, Any]]:
    """Return the fields of a configuration (or of any such model) for pickers and the catalogue.

    Returns:
        A list of ``{name, label, type, default, help, minimum, maximum, above, below, step, unit,
            scale, options, advanced, live}``; what does not apply is left out. A value is greater
            than ``above`` and less than ``below``, which ``minimum`` and ``maximum`` then repeat.
    """
    schema = cls.model_json_schema()
    described = []
    for name, info in cls.model_fields.items():
        raw = schema["properties"][name]
        # The bounds of an optional or exclusive field are one level down in the schema.
        core = next(
            (option for option in raw.get("anyOf", []) if option.get("type") != "null"), raw
        )
        extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
        entry: dict[str, Any] = {
            "name": name,
            "label": extra.get("label", name.replace("_", " ").capitalize()),
            "type": core.get("type", "string"),
            "default": None if info.default is PydanticUndefined else info.default,
            "help": info.description or "",
            "minimum": core.get("minimum", core.get("exclusiveMinimum")),
            "maximum": core.get("maximum", core.get("exclusiveMaximum")),
            "above": core.get("exclusiveMinimum"),
            "below": core.get("exclusiveMaximum"),
            "options": core.get("enum"),
            "optional": True if "anyOf" in raw else None,
            "item_options": core.get("items", {}).get("enum"),
            "item_minimum": core.get("items", {}).get("minimum"),
            "item_maximum": core.get("items", {}).get("maximum"),
            "max_items": core.get("maxItems"),
            **{
                key: extra[key]
                for key in ("step", "unit", "scale", "advanced", "live")
                if key in extra
            },
        }
        described.append(
            {key: value for key, value in entry.items() if value is not None or key == "default"}
        )
    return described
