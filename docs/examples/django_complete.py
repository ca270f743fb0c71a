"""Define the settings and the URLs of a Django project for the app ``django_calls``."""

import os
import sys
from urllib.parse import urlsplit

import django
from django.conf import settings
from django.core.management import execute_from_command_line
from django.core.wsgi import get_wsgi_application

url = urlsplit(os.environ["DATABASE_URL"])
POSTGRESQL = {
    "ENGINE": "django.db.backends.postgresql",
    "HOST": url.hostname,
    "PORT": url.port,
    "USER": url.username,
    "PASSWORD": url.password,
    "NAME": url.path[1:],
}
SQLITE = {"ENGINE": "django.db.backends.sqlite3", "NAME": url.path[1:], "OPTIONS": {"timeout": 30}}

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1", "testserver"],
    DATABASES={"default": POSTGRESQL if url.scheme == "postgresql" else SQLITE},
    INSTALLED_APPS=[
        "django.contrib.admin",
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.messages",
        "django.contrib.sessions",
        "django_calls",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ],
    ROOT_URLCONF="django_calls.urls",
    SECRET_KEY=os.environ["DJANGO_SECRET_KEY"],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                ]
            },
        }
    ],
    STATIC_URL="static/",
    USE_TZ=True,
)
django.setup()
application = get_wsgi_application()

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
