"""`python -m howdah`: the command line, for programs that must not rely on a script on the path."""

from howdah.cli.main import main

if __name__ == "__main__":
    main(prog_name="howdah")
