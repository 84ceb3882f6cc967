"""Pipelines: what they are told to do, which datums a job has, and what becomes of a job. No bytes move here."""
