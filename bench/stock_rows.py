"""Gives a local-files storage the tasks of a folder that it would take minutes to import, for `bench.labeling`.

`python -m bench.stock_rows STORAGE` with Label Studio's environment: the tasks and links that the host would have
written, so that what is measured is its next Sync.
"""

from __future__ import annotations

import sys
from pathlib import Path

import django
from django.db import transaction


def main() -> None:
    """Write the rows."""
    django.setup()
    from io_storages.localfiles.models import (  # noqa: PLC0415  (there are models once Django is set up)
        LocalFilesImportStorage,
        LocalFilesImportStorageLink,
    )
    from tasks.models import Task  # noqa: PLC0415

    storage = LocalFilesImportStorage.objects.get(pk=int(sys.argv[1]))
    keys = sorted(str(path) for path in Path(storage.path).rglob("*.jpg"))
    with transaction.atomic():
        made = Task.objects.bulk_create(
            [Task(project=storage.project, data={"image": key}) for key in keys], batch_size=1000
        )
        LocalFilesImportStorageLink.objects.bulk_create(
            [
                LocalFilesImportStorageLink(task=task, storage=storage, key=key)
                for task, key in zip(made, keys, strict=True)
            ],
            batch_size=1000,
        )


if __name__ == "__main__":
    main()
