# The project's chores. `python3 launch.py test` runs what CI runs.

py := ".venv/bin/python"

# Ruff, mypy and the import contracts.
lint:
    {{py}} -m ruff check .
    {{py}} -m ruff format --check .
    {{py}} -m mypy
    .venv/bin/lint-imports

# Regenerate src/howdah/wire/gen from protos/.
protos:
    {{py}} -m grpc_tools.protoc -Iprotos --python_out=src --grpc_python_out=src \
        --mypy_out=src --mypy_grpc_out=src protos/howdah/wire/gen/*.proto

# The whole suite.
test:
    python3 launch.py test

# The plugin inside every older Label Studio that it is for; each gets an environment inside .venv.
hosts:
    HOWDAH_HOSTS=all {{py}} -m pytest -q tests/compat/test_hosts.py

# Renew constraints.txt: the newest versions that satisfy pyproject.toml on every Python that we support.
constraints:
    printf 'uv\nhatchling\neditables\n' | uv pip compile --universal --python-version 3.10 pyproject.toml - --extra labelstudio --extra test \
        --no-header --no-annotate --no-emit-index-url --no-emit-find-links --quiet --upgrade -o constraints.new
    { head -n 2 constraints.txt; cat constraints.new; } > constraints.tmp && mv constraints.tmp constraints.txt
    rm constraints.new

# Take the pictures of the README's tour again.
screenshots:
    HOWDAH_SCREENSHOTS=docs/images {{py}} -m pytest -q tests/e2e/test_walkthrough.py tests/e2e/test_labeling.py -k "walkthrough or shows_its_data"

# Measure beside peers and write the figures into docs/reference/performance.md: `just bench startup`.
bench NAME *ARGUMENTS:
    {{py}} -m bench.{{NAME}} {{ARGUMENTS}}

# All that are about the store and the command line, one after the other; with --full as much as the aims speak of.
# What makes and removes very many files comes last: after that, the disk is slower for a while.
bench-all *ARGUMENTS:
    {{py}} -m bench.cli
    for name in sdk million growth crowd pipelines dags labeling people store; do {{py}} -m bench.$name {{ARGUMENTS}} || exit 1; done

# Get the peers of `just bench store` that are Python packages, each into an environment of its own in ~/.cache.
bench-peers:
    {{py}} -m bench.peers

# Kill a store under load so many times.
storm KILLS="500":
    HOWDAH_KILLS={{KILLS}} {{py}} -m pytest -q -s tests/faults/test_storm.py

# Kill a store, its workers and their code under jobs so many times.
storm-of-jobs KILLS="200":
    HOWDAH_STORM={{KILLS}} {{py}} -m pytest -q -s tests/pipelines/test_storm.py

# Send each call of the store so many messages, and streams of 250 times as many.
fuzz TIMES="1000":
    HOWDAH_FUZZ={{TIMES}} {{py}} -m pytest -q tests/fuzz
