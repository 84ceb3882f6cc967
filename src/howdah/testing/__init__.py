"""What other projects need to test against Howdah: contract suites for its doors, and a server to talk to."""
