"""SQLite as Django's engine for Label Studio: Django's own, with turns for those who write."""
