"""The storages as JSON: fields as people send them in, never the token out."""

from __future__ import annotations

from typing import Any

from django.http import QueryDict
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied, ValidationError

from howdah.errors import HowdahError
from howdah.labelstudio import host, waiting
from howdah.labelstudio.models import CommitWhen, PachydermExportStorage, PachydermImportStorage

TYPE = "pachyderm"
_TEXTS = ("pach_project", "pach_repo", "pach_branch", "pach_commit", "pachd_address")
_PROBED = (*_TEXTS, "pach_authn_token", "prefix", "regex_filter", "recursive_scan")
_CHOSEN = ("use_blob_urls", "on_edit", "on_remove", "layout", "commit_when")
_NUMBERS = ("every_minutes", "every_annotations")


def _text(**kwargs: Any) -> Any:
    return serializers.CharField(required=False, allow_blank=True, allow_null=True, **kwargs)


class _Fields(serializers.Serializer):
    """What source and target share."""

    type = serializers.ReadOnlyField(default=TYPE)
    pach_project = _text()
    pach_branch = _text()
    pachd_address = _text()
    pach_authn_token = _text(write_only=True)

    candidate: Any = None
    """The storage as it would be with the data that was checked; not saved."""

    def to_internal_value(self, data: Any) -> Any:
        """The dialog sends an empty text for what nobody chose or filled in."""
        given = data.dict() if isinstance(data, QueryDict) else dict(data)
        given = {name: value for name, value in given.items() if value != "" or name not in _CHOSEN}
        given.update({name: None for name in _NUMBERS if given.get(name) == ""})
        return super().to_internal_value(given)

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        """Normalise, then see whether the store answers; what fails is the reason in plain words."""
        data = super().validate(data)
        self._check_project(data)
        data = {name: "" if value is None and name in _TEXTS else value for name, value in data.items()}
        if "pach_project" in data:
            data["pach_project"] = data["pach_project"].strip() or "default"
        self._keep_token(data)
        self.candidate = self._build(data)
        if self.instance is None or self.context.get("probe") or self._moved(data):
            try:
                self.candidate.validate_connection()
            except HowdahError as error:
                raise ValidationError(str(error)) from error
        return data

    def _check_project(self, data: dict[str, Any]) -> None:
        """Before the store is asked anything on behalf of a project that is not the user's."""
        request, project = self.context.get("request"), data.get("project")
        if request is not None and project is not None and not project.has_permission(request.user):
            raise PermissionDenied("You do not have permission to change the storages of this project.")

    def _keep_token(self, data: dict[str, Any]) -> None:
        """A form that is edited comes with an empty token: the stored one stays, but only for the same address."""
        if data.get("pach_authn_token"):
            return
        data.pop("pach_authn_token", None)
        stored = self.instance
        if stored is None or not stored.pach_authn_token:
            return
        address = data.get("pachd_address", stored.pachd_address)
        if type(stored)(pachd_address=address).address != stored.address:
            raise ValidationError(
                {"pach_authn_token": f"The stored token is for {stored.address}. Enter the token of the new address."}
            )

    def _build(self, data: dict[str, Any]) -> Any:
        model = self.Meta.model
        stored = self.instance
        known = {} if stored is None else {field.name: getattr(stored, field.name) for field in model._meta.fields}
        return model(**{**known, **data})

    def _moved(self, data: dict[str, Any]) -> bool:
        # An empty field comes as "" from the form and may be None in the row.
        return any(name in data and (data[name] or "") != (getattr(self.instance, name) or "") for name in _PROBED)


class PachydermImportStorageSerializer(_Fields, host.ImportStorageSerializer):
    """A source."""

    pach_commit = _text()

    class Meta:
        model = PachydermImportStorage
        fields = "__all__"


_EVERY = str(dict(CommitWhen.choices)["every"])


class PachydermExportStorageSerializer(_Fields, host.ExportStorageSerializer):
    """A target."""

    pending = serializers.SerializerMethodField(help_text="How many annotations are not yet committed")
    last_commit = serializers.SerializerMethodField(help_text="Id of the last commit, empty before the first")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._found: dict[int, waiting.Waiting] = {}

    def get_pending(self, storage: Any) -> int:
        """For the card: `37 annotations not yet committed`."""
        return self._waiting(storage).pending

    def get_last_commit(self, storage: Any) -> str:
        """For the card."""
        return self._waiting(storage).commit

    def _waiting(self, storage: Any) -> waiting.Waiting:
        """Of a list, all are looked up at once."""
        if storage.pk not in self._found:
            listed = getattr(self.parent, "instance", None)
            self._found = waiting.of([storage] if listed is None else [storage, *listed])
        return self._found[storage.pk]

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        """Numbers go with the choice that uses them, and with no other."""
        chosen = data.get("commit_when", getattr(self.instance, "commit_when", CommitWhen.SYNC))
        given = {name: data[name] for name in _NUMBERS if data.get(name) is not None}
        if not all(given.values()):
            raise ValidationError({name: "Must be 1 or more." for name in given if not given[name]})
        if chosen != CommitWhen.EVERY:
            if given:
                text = f"Goes with the choice {_EVERY!r} only: choose that, or leave this empty."
                raise ValidationError(dict.fromkeys(given, text))
            data = {**data, **dict.fromkeys(_NUMBERS)}
        elif not any(data.get(name, getattr(self.instance, name, None)) for name in _NUMBERS):
            text = f"Give a number of minutes or of annotations, or both, with the choice {_EVERY!r}."
            raise ValidationError({"commit_when": text})
        return super().validate(data)

    class Meta:
        model = PachydermExportStorage
        fields = "__all__"
