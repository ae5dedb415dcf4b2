"""What a file that lists recordings may say, and the specs that are made of it.

Each name has a reader, which gives a value or the rule that is broken. What the service and the fleet demand
of a whole spec is checked by the library, and told by the names of the file. Secrets come from the
environment: the file names the variables, at most.
"""

import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from attrs import define, field

from agora_rec import (
    Alternate,
    InvalidRequest,
    Mode,
    ModeName,
    Region,
    Replacement,
    Secret,
    Spec,
    Storage,
    Twin,
    Violation,
)
from agora_rec.cli import spec_values
from agora_rec.cli.buckets import ACCESS_KEY, REGIONS, SECRET_KEY, VENDORS, regions_of
from agora_rec.cli.modes import mode_of
from agora_rec.cli.spec_files import Given, Row, read_rows, wrong_names
from agora_rec.cli.spec_values import BrokenRuleError
from agora_rec.errors.text import escaped, shown
from agora_rec.fleet.spec import check

_SHOWN: Final = 80


_RECORDER: Final[Mapping[str, Callable[[Any], Any]]] = {
    "uid": spec_values.whole,
    "region": spec_values.one_of(
        {each.value: each for each in Region},
        ": where the service may record; `bucket_region` is the bucket's",
    ),
    "token_env": spec_values.from_environment,
    "alternate": spec_values.whole,
    "alternate_token_env": spec_values.from_environment,
}
"""What the spec's own recorder and its twins have."""

FIELDS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "cname": spec_values.text,
    **_RECORDER,
    "key": spec_values.text,
    "mode": spec_values.one_of({each.value: each for each in ModeName}),
    "url": spec_values.text,
    "until": spec_values.moment,
    "seconds": spec_values.seconds,
    "minutes": spec_values.minutes,
    "vendor": spec_values.one_of({each: each for each in VENDORS}),
    "bucket": spec_values.text,
    "bucket_region": spec_values.text,
    "endpoint": spec_values.text,
    "prefix": spec_values.folders,
    "access_key_env": spec_values.from_environment,
    "secret_key_env": spec_values.from_environment,
    "resource_expired_hour": spec_values.whole,
    "twins": spec_values.recorders,
    "replace": spec_values.whole,
}
"""All names, in the order in which they are told."""

ENDS: Final = ("until", "seconds", "minutes")
"""Of these a recording has one, or none."""

_STAND_INS: Final[Mapping[str, Any]] = {"cname": "?", "uid": 1, "vendor": "google", "bucket": "?"}
"""What is needed, and what takes its place, so that the rest can be checked without it."""

_NAMES: Final = {
    "mode.storage.region": "bucket_region",
    "mode.storage.file_name_prefix": "prefix",
    "mode.storage.access_key": "access_key_env",
    "mode.storage.secret_key": "secret_key_env",
    "mode.storage.": "",
    "mode.": "",
    "token": "token_env",
    "alternate.uid": "alternate",
    "alternate.token": "alternate_token_env",
    "replacement.most": "replace",
}
"""How the file calls what the library's paths begin with; the first that fits counts."""


def read_specs(path: Path, *, replace: int = 0, is_resumed: bool = False, now: datetime) -> tuple[Spec, ...]:
    """Make the specs that a file lists. Each has a key: its channel and uid, if it names none.

    Args:
        path: The file, TOML or CSV.
        replace: How often a recording is replaced at most that doesn't say so itself.
        is_resumed: Whether a moment that has passed is no fault: it may be recorded already.
        now: The moment.

    Raises:
        InvalidRequest: Everything that is wrong in it.
        OSError: It can't be read.
    """
    try:
        rows, violations = read_rows(path, tuple(FIELDS), (frozenset(ENDS),))
    except InvalidRequest as error:
        rows, violations = [], list(error.violations)
    maker = _Maker(replace, datetime.min.replace(tzinfo=UTC) if is_resumed else now, violations)
    specs = [maker.make(row) for row in rows]
    if (
        violations
    ):  # raised here, where no frame has the file's text; those of defaults are found in every row
        raise InvalidRequest(tuple(dict.fromkeys(violations)))
    return tuple(specs)


@define
class _Maker:
    """Makes specs of the rows of one file; modes that are the same are one value."""

    replace: int
    now: datetime
    violations: list[Violation]
    _modes: dict[tuple[Any, ...], Mode] = field(factory=dict[tuple[Any, ...], Mode], init=False)
    _keys: dict[str, str] = field(factory=dict[str, str], init=False)

    def make(self, row: Row) -> Spec:
        one = _One(row, self.violations)
        spec = self._spec(one)
        try:
            check(spec, replacement=spec.replacement, now=self.now)
        except InvalidRequest as error:
            one.absorb(error)
        for number in range(len(spec.recorders)):
            key = spec.key_of(number) or ""
            first = self._keys.setdefault(key, row.where)
            if first is not row.where:
                rule = f"not that of {first}; without one it is channel and uid, as cname/uid"
                one.wrong("key", shown(key, _SHOWN), rule)
        return spec

    def _spec(self, one: "_One") -> Spec:
        cname, uid = one.needed("cname"), one.needed("uid")
        most: int = one.get("replace", self.replace)
        return Spec(
            cname,
            uid,
            self._mode(one),
            key=one.get("key", f"{cname}/{uid}"),
            until=one.end(),
            token=one.get("token_env"),
            region=one.get("region"),
            resource_expired_hour=one.get("resource_expired_hour"),
            alternate=_alternate(one.values),
            replacement=Replacement(most=most) if most else None,
            twins=one.twins(),
        )

    def _mode(self, one: "_One") -> Mode:
        name: ModeName = one.get("mode", ModeName.MIX)
        url: str | None = one.get("url")
        if (name is ModeName.WEB) != (url is not None):
            one.wrong(
                "url", "missing" if url is None else shown(url, _SHOWN), "for mode web, and only for it"
            )
        vendor = one.needed("vendor")
        storage = ("bucket", "bucket_region", "endpoint", "prefix", "access_key_env", "secret_key_env")
        recipe = (name, url, vendor, *(one.get(each) for each in storage))
        if recipe in self._modes:
            return self._modes[recipe]
        mode = mode_of(name, _storage(one, vendor), url)
        if not one.has_faults:
            self._modes[recipe] = mode
        return mode


def _storage(one: "_One", vendor: str) -> Storage:
    options: dict[str, Any] = {}
    if vendor in REGIONS:
        regions = regions_of(vendor)
        region: str = one.get("bucket_region", "")
        options["region"] = regions.get(region.lower(), next(iter(regions.values())))
        if region.lower() not in regions:
            near: list[str] = get_close_matches(region.lower()[:_SHOWN], list(regions), n=3) or list(regions)
            one.wrong("bucket_region", shown(region, _SHOWN), f"{vendor} has {', '.join(near)}")
    elif "bucket_region" in one.values:
        one.wrong("bucket_region", shown(one.values["bucket_region"], _SHOWN), f"not for {vendor}")
    if vendor == "s3-compatible":
        options["endpoint"] = one.needed("endpoint", "?")
    elif "endpoint" in one.values:
        one.wrong("endpoint", shown(one.values["endpoint"], _SHOWN), "only for s3-compatible")
    made: Storage = VENDORS[vendor](
        bucket=one.needed("bucket"),
        access_key=one.key("access_key_env", ACCESS_KEY),
        secret_key=one.key("secret_key_env", SECRET_KEY),
        file_name_prefix=one.get("prefix"),
        **options,
    )
    return made


def _alternate(values: Mapping[str, Any]) -> Alternate | None:
    uid = values.get("alternate")
    return None if uid is None else Alternate(uid=uid, token=values.get("alternate_token_env"))


class _One:
    """One row: its values as far as they are right, and whatever is wrong with it."""

    def __init__(self, row: Row, violations: list[Violation]) -> None:
        self._row = row
        self._violations = violations
        self._faulty: set[str] = set()
        self.values: dict[str, Any] = self._read(row.values, FIELDS, "")

    @property
    def has_faults(self) -> bool:
        """Whether something is wrong already."""
        return bool(self._faulty)

    def _read(
        self, given: Mapping[str, Given], readers: Mapping[str, Callable[[Any], Any]], prefix: str
    ) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for name, each in given.items():
            if name not in readers:
                continue  # reported with the names
            try:
                values[name] = readers[name](each.value)
            except BrokenRuleError as broken:
                value = escaped(repr(each.value), _SHOWN) if broken.value is None else broken.value
                self.wrong(f"{prefix}{name}", value, broken.rule)
        return values

    def wrong(self, name: str, value: str, rule: str) -> None:
        """Something is wrong; told once for each name."""
        if name in self._faulty:
            return
        self._faulty.add(name)
        given = self._row.values.get(name.partition("[")[0])
        where = self._row.where if given is None else given.where
        self._violations.append(Violation(f"{where}: {name}", value, rule))

    def absorb(self, error: InvalidRequest) -> None:
        """Take over what the library says of the whole."""
        for each in error.violations:
            twin, dot, path = each.path.rpartition("].")
            for theirs, ours in _NAMES.items():
                if path.startswith(theirs):
                    path = f"{ours}{path.removeprefix(theirs)}"
                    break
            self.wrong(f"{twin}{dot}{path}", each.value, each.rule)

    def get(self, name: str, otherwise: Any = None) -> Any:
        """A value, or what it is without."""
        return self.values.get(name, otherwise)

    def needed(self, name: str, stand_in: Any = None) -> Any:
        """A value that has to be given."""
        if name in self.values:
            return self.values[name]
        self.wrong(name, "missing", "it has to be given")
        return _STAND_INS.get(name, stand_in)

    def key(self, name: str, variable: str) -> Secret:
        """One of the bucket's keys: what the variable that is named has, or that of all buckets."""
        found: Secret = self.values.get(name) or Secret(os.environ.get(variable, ""))
        if not found and name not in self._faulty:
            self._faulty.add(name)
            rule = f"set in the environment; or {name} in the file names another variable"
            self._violations.append(Violation(variable, "missing", rule))
        return found or Secret("?")

    def end(self) -> datetime | timedelta | None:
        """When it is to be stopped, or for how long it is recorded."""
        given = [name for name in ENDS if name in self.values]
        if len(given) > 1:
            self.wrong(given[1], "given", f"only one of {', '.join(ENDS)}")
        return self.values[given[0]] if given else None

    def twins(self) -> tuple[Twin, ...]:
        """Those that record the same channel."""
        made: list[Twin] = []
        for number, given in enumerate(self.values.get("twins", ())):
            path = f"twins[{number}]"
            self._violations += wrong_names(f"{self._row.where}: {path}", given, tuple(_RECORDER))
            where = self._row.values["twins"].where
            values = self._read(
                {key: Given(where, each) for key, each in given.items()}, _RECORDER, f"{path}."
            )
            if "uid" not in values:
                self.wrong(f"{path}.uid", "missing", "it has to be given")
            made.append(
                Twin(
                    uid=values.get("uid", 0),
                    token=values.get("token_env"),
                    alternate=_alternate(values),
                    region=values.get("region"),
                )
            )
        return tuple(made)
