"""Pachyderm's interface: its generated messages, and what turns them into our nouns, infos and errors and back."""
