"""The WSGI entry: Label Studio with Howdah's storage type, for any WSGI server."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "howdah.labelstudio.settings")

from django.conf import settings  # noqa: E402  (the settings must be named before Django is asked)
from django.core.wsgi import get_wsgi_application  # noqa: E402

from howdah.labelstudio.public import AtPublicURL  # noqa: E402

application = AtPublicURL(get_wsgi_application(), settings.HOSTNAME)
