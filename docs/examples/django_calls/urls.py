"""The URLs of Exotel's callbacks and of the admin."""

from django.contrib import admin
from django.urls import path

from .views import exotel

urlpatterns = [path("exotel", exotel), path("admin/", admin.site.urls)]
