"""What is known of an entity set's paths: by the preset's options, and by metadata once read."""

from pydantic import ValidationError

from canonical.errors import MisconfiguredError
from connectors.kit.rows import Dataset
from connectors.odata.literals import edm_type
from connectors.odata.metadata import Field, Service
from connectors.odata.settings import DatasetOptions, Settings


def split_name(name: str) -> tuple[str, str]:
    """A dataset's name as service and entity set: `API_PRODUCT_SRV/A_Product`."""
    service, _, set_name = name.rpartition("/")
    return service, set_name


class Shape:
    """Answers for the paths of one entity set."""

    def __init__(
        self, system: str, settings: Settings, dataset: Dataset, service: Service | None
    ) -> None:
        self.settings = settings
        self.dataset = dataset
        self.service = service
        self.set_name = split_name(dataset.name)[1]
        try:
            self.options = DatasetOptions.model_validate(dataset.options)
        except ValidationError as exc:
            first = exc.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            raise MisconfiguredError(
                system, f"options of dataset {dataset.name}: {place}: {first['msg']}"
            ) from exc

    def field(self, path: str) -> Field | None:
        """What metadata says of a path; None if it is silent or was not read."""
        return self.service.field(self.set_name, path) if self.service else None

    def type_of(self, path: str) -> str | None:
        """A path's EDM type, where the preset or metadata tell it."""
        if path in self.options.types:
            return self.options.types[path]
        found = self.field(path)
        return found.property.type if found else None

    def edm(self, path: str, kind: str) -> str:
        """A path's EDM type; where it is not known, the usual one of a mapping's type."""
        return self.type_of(path) or edm_type(kind, self.settings.version)

    def collections(self, path: str) -> tuple[str, ...] | None:
        """The links on the way that lead to many rows; None where that is not known."""
        way = path.split(".")[:-1]
        if not way or all(".".join(way[: n + 1]) in self.options.to_one for n in range(len(way))):
            return ()
        found = self.field(path)
        return found.many if found else None

    def filterable(self, path: str) -> bool:
        """Whether nothing forbids to filter by a path."""
        return self._is_theirs(path) and not self._excluded(path, sorting=False)

    def sortable(self, path: str) -> bool:
        """Whether nothing forbids to sort by a path."""
        return self._is_theirs(path) and not self._excluded(path, sorting=True)

    def _is_theirs(self, path: str) -> bool:
        return path not in self.options.fixed and path not in self.options.attached()

    def _excluded(self, path: str, *, sorting: bool) -> bool:
        if self.service is None:
            return False
        found = self.service.sets.get(self.set_name)
        if found and path in (found.unsortable if sorting else found.unfilterable):
            return True
        field = self.field(path)
        if field is None:
            return False
        return not (field.property.sortable if sorting else field.property.filterable)
