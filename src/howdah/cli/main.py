"""The root command. Alone here the environment is read; a command's module is loaded when the command is used."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import click

from howdah import __version__
from howdah.cli.edge import Edge
from howdah.cli.interrupts import insisted
from howdah.cli.lazy import Entry, LazyGroup
from howdah.errors import HowdahError

_INTERRUPTED = 130

_VERBS: Mapping[str, tuple[str, Mapping[str, Entry]]] = {
    "create": (
        "Create a project, repo, branch, pipeline or secret.",
        {
            "project": Entry("howdah.cli.projects:create", "Create a project: a namespace of repos."),
            "repo": Entry("howdah.cli.repos:create", "Create a repo: a versioned folder of files."),
            "branch": Entry(
                "howdah.cli.branches:create",
                "Create a branch with an empty commit, or point it, new or not, at --head.",
            ),
            "pipeline": Entry(
                "howdah.cli.pipelines:create",
                "Create pipelines by specifications: all of them or none.",
            ),
            "secret": Entry("howdah.cli.secrets:create", "Create a secret, which pipelines can name."),
        },
    ),
    "list": (
        "List projects, repos, branches, commits, files, pipelines, jobs and what else there is.",
        {
            "project": Entry("howdah.cli.projects:list_", "List all projects."),
            "repo": Entry("howdah.cli.repos:list_", "List the repos of a project; sizes are those of branch master."),
            "branch": Entry("howdah.cli.branches:list_", "List a repo's branches, the newest first."),
            "commit": Entry(
                "howdah.cli.commits:list_",
                "List a repo's commits, or a commit and its ancestors, the newest first; or those of a commit set.",
            ),
            "transaction": Entry("howdah.cli.transactions:list_", "List the transactions that wait."),
            "file": Entry("howdah.cli.files:list_", "List a directory's files and directories."),
            "pipeline": Entry(
                "howdah.cli.pipelines:list_",
                "List the pipelines of a project, or the versions of one, the newest first.",
            ),
            "job": Entry(
                "howdah.cli.jobs:list_",
                "List job sets, each what one change led to, the newest first.",
            ),
            "datum": Entry(
                "howdah.cli.datums:list_",
                "List the datums of a job; or with -f those that a pipeline would have now, which need not be there.",
            ),
            "secret": Entry("howdah.cli.secrets:list_", "List the secrets, without their values."),
        },
    ),
    "inspect": (
        "Show one project, repo, branch, commit, transaction, file, pipeline, job, datum or secret, or defaults.",
        {
            "project": Entry("howdah.cli.projects:inspect", "Show a project."),
            "repo": Entry("howdah.cli.repos:inspect", "Show a repo."),
            "branch": Entry("howdah.cli.branches:inspect", "Show a branch."),
            "commit": Entry("howdah.cli.commits:inspect", "Show a commit, or each commit of a set."),
            "transaction": Entry(
                "howdah.cli.transactions:inspect", "Show a transaction, the active one where none is named."
            ),
            "file": Entry("howdah.cli.files:inspect", "Show a file or directory."),
            "pipeline": Entry(
                "howdah.cli.pipelines:inspect", "Show a pipeline, or with ^N its Nth version before the present one."
            ),
            "job": Entry("howdah.cli.jobs:inspect", "Show a job, or each job of a set."),
            "datum": Entry(
                "howdah.cli.datums:inspect",
                "Show a datum of a job; the beginning of its id will do where no other begins so.",
            ),
            "secret": Entry("howdah.cli.secrets:inspect", "Show a secret, without its values."),
            "defaults": Entry(
                "howdah.cli.defaults:inspect", "Show the defaults of a project, or of the cluster, as JSON."
            ),
        },
    ),
    "delete": (
        "Delete projects, repos, branches, commits, transactions, files, pipelines and what belongs to them.",
        {
            "project": Entry("howdah.cli.projects:delete", "Delete a project."),
            "repo": Entry(
                "howdah.cli.repos:delete", "Delete a repo with all its branches and commits, or all of them."
            ),
            "branch": Entry("howdah.cli.branches:delete", "Delete a branch."),
            "commit": Entry(
                "howdah.cli.commits:delete", "Delete a commit, or a commit set, that has no children, and its data."
            ),
            "transaction": Entry(
                "howdah.cli.transactions:delete",
                "Forget a transaction, the active one where none is named, with its requests.",
            ),
            "file": Entry("howdah.cli.files:delete", "Delete a file, or a directory with -r."),
            "pipeline": Entry(
                "howdah.cli.pipelines:delete",
                "Delete a pipeline with its jobs and the repo that it writes, or all of them.",
            ),
            "job": Entry("howdah.cli.jobs:delete", "Delete a job, ending it if it is not over."),
            "secret": Entry("howdah.cli.secrets:delete", "Delete a secret."),
            "defaults": Entry("howdah.cli.defaults:delete", "Delete the defaults of a project, or of the cluster."),
        },
    ),
    "start": (
        "Open a commit to write into, or start a transaction or a stopped pipeline.",
        {
            "commit": Entry("howdah.cli.commits:start", "Open a commit at the head of a branch and print its id."),
            "transaction": Entry(
                "howdah.cli.transactions:start",
                "Start a transaction and print its id; until it is finished or stopped, commands add their requests to"
                " it.",
            ),
            "pipeline": Entry(
                "howdah.cli.pipelines:start",
                "Let a stopped pipeline follow its inputs again, with a job for what they hold now.",
            ),
        },
    ),
    "stop": (
        "Stop a pipeline or a job, or adding to a transaction.",
        {
            "transaction": Entry(
                "howdah.cli.transactions:stop",
                "Add no more requests to the active transaction; it waits and can be resumed.",
            ),
            "pipeline": Entry(
                "howdah.cli.pipelines:stop",
                "End a pipeline's jobs, and let it follow its inputs no longer until it is started.",
            ),
            "job": Entry("howdah.cli.jobs:stop", "End a job, or all jobs of a set; what is over stays as it is."),
        },
    ),
    "resume": (
        "Add to a transaction again.",
        {
            "transaction": Entry(
                "howdah.cli.transactions:resume", "Add the requests of commands to this transaction from now on."
            )
        },
    ),
    "update": (
        "Change pipelines, or what they have by default.",
        {
            "pipeline": Entry(
                "howdah.cli.pipelines:update",
                "Give pipelines their next version by specifications; those that are not there are created.",
            ),
            "defaults": Entry(
                "howdah.cli.defaults:update",
                "Set the defaults of a project, or of the cluster, in the place of those that are there.",
            ),
        },
    ),
    "restart": (
        "Run datums anew.",
        {
            "datum": Entry(
                "howdah.cli.datums:restart",
                "Run datums of a job anew that are being run: those that have all of these files, by path or digest.",
            )
        },
    ),
    "rerun": (
        "Have pipelines work again.",
        {"pipeline": Entry("howdah.cli.pipelines:rerun", "Have a pipeline work again as it is told.")},
    ),
    "run": (
        "Have schedules of pipelines come now.",
        {"cron": Entry("howdah.cli.pipelines:run_cron", "Let it be time now for the schedules of a pipeline.")},
    ),
    "draw": (
        "Draw pipelines.",
        {
            "pipeline": Entry(
                "howdah.cli.draw:draw",
                "Draw the pipelines of a project, what they read, and how they and their newest jobs are.",
            ),
        },
    ),
    "pipeline": (
        "Make pipelines for labels, ready to use.",
        {
            "add": Entry(
                "howdah.cli.recipes:add", "Create a pipeline for labels, ready to use, of one of these kinds."
            ),
        },
    ),
    "squash": (
        "Take commits out of history.",
        {
            "commit": Entry(
                "howdah.cli.commits:squash",
                "Take a commit, or a commit set, out of history; its changes become part of what came after.",
            )
        },
    ),
    "find": (
        "Search history.",
        {
            "commit": Entry(
                "howdah.cli.commits:find",
                "List the commits that changed a file or directory, from a commit back, the newest first.",
            )
        },
    ),
    "edit": (
        "Edit metadata, or a pipeline.",
        {
            "metadata": Entry(
                "howdah.cli.metadata:edit",
                "Edit metadata of projects, repos, branches, commits, pipelines and the cluster: all edits or none.",
            ),
            "pipeline": Entry(
                "howdah.cli.pipelines:edit",
                "Edit a pipeline's specification as JSON, and give it that as its next version.",
            ),
        },
    ),
    "finish": (
        "Close a commit, or carry out a transaction.",
        {
            "commit": Entry(
                "howdah.cli.commits:finish", "Close a commit: what it holds never changes again, and survives a crash."
            ),
            "transaction": Entry(
                "howdah.cli.transactions:finish",
                "Carry out all requests of a transaction, the active one where none is named: all of them or none.",
            ),
        },
    ),
    "wait": (
        "Wait until a commit is finished, or a job is over.",
        {
            "commit": Entry(
                "howdah.cli.commits:wait", "Wait until a commit, or each commit of a set, is finished, and show it."
            ),
            "job": Entry(
                "howdah.cli.jobs:wait",
                "Wait until a job, or each job of a set, is over, and show it.",
            ),
        },
    ),
    "subscribe": (
        "Print a branch's commits as they are made.",
        {
            "commit": Entry(
                "howdah.cli.commits:subscribe",
                "Print a branch's commits, the oldest first, then each new one once it is finished, until Ctrl-C.",
            )
        },
    ),
    "put": (
        "Write files.",
        {"file": Entry("howdah.cli.put:put", "Write files, all in one commit: either all of them arrive or none.")},
    ),
    "get": (
        "Read files.",
        {
            "file": Entry(
                "howdah.cli.get:get", "Read a file, to standard output or into a file; or a directory with -r."
            )
        },
    ),
    "glob": (
        "List files that match a pattern.",
        {"file": Entry("howdah.cli.files:glob", "List the files and directories that match a pattern.")},
    ),
    "diff": (
        "Show what changed.",
        {
            "file": Entry(
                "howdah.cli.files:diff",
                "Show which files and directories differ between two commits.",
            )
        },
    ),
    "copy": (
        "Copy files.",
        {"file": Entry("howdah.cli.files:copy", "Copy a file or directory, within a repo or from one to another.")},
    ),
    "config": (
        "Show and change contexts: which store to use.",
        {
            "get": Entry("howdah.cli.contexts:get", "Show a context, or the active one's name."),
            "list": Entry("howdah.cli.contexts:list_", "List the contexts."),
            "set": Entry("howdah.cli.contexts:set_", "Add or change a context, or choose the active one."),
            "delete": Entry("howdah.cli.contexts:delete", "Delete a context."),
        },
    ),
}
_COMMANDS: Mapping[str, Entry] = {
    "backup": Entry("howdah.cli.backups:backup", "Copy a whole data folder into one file, while it is in use."),
    "doctor": Entry("howdah.cli.doctor:doctor", "Look at this machine and a data folder, and say what is missing."),
    "evaluate": Entry(
        "howdah.cli.labels:evaluate",
        "Measure predictions by a folder of labels: metrics.json, and labels.csv with the figures of each label.",
    ),
    "export": Entry(
        "howdah.cli.export:export",
        "Write the labels of a commit in a format for training, by Label Studio's own converter.",
    ),
    "fsck": Entry(
        "howdah.cli.fsck:fsck",
        "Read everything that is stored, and name each fault and the files that suffer from it.",
    ),
    "gc": Entry("howdah.cli.gc:gc", "Remove the bytes that no commit needs from a running store of Howdah's."),
    "metrics": Entry(
        "howdah.cli.metrics:metrics",
        "List what the files metrics.json of a branch's commits tell, the newest commit first.",
    ),
    "logs": Entry("howdah.cli.logs:logs", "Print what the code of a pipeline has printed."),
    "restore": Entry("howdah.cli.backups:restore", "Make a data folder of a backup."),
    "serve": Entry("howdah.cli.serve:serve", "Run a store until Ctrl-C or SIGTERM."),
    "split": Entry(
        "howdah.cli.labels:split",
        "Divide a folder of labels into folders train, validation and test, of links to the tasks' files.",
    ),
    "version": Entry(
        "howdah.cli.version:version", "Show this program's version and that of the interface that the store speaks."
    ),
}


class Root(LazyGroup):
    """The root command: here errors become exit codes, so that no command ends in a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            with insisted():
                return super().invoke(ctx)
        except HowdahError as error:
            click.echo(f"howdah: {' '.join(error.message.split())}", err=True)
            raise click.exceptions.Exit(error.exit_code) from error
        except KeyboardInterrupt as error:
            raise click.exceptions.Exit(_INTERRUPTED) from error


@click.group(
    cls=Root,
    entries=_COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"]},
    examples=(
        "howdah create repo images",
        "howdah put file images@master:/liberty.png -f liberty.png",
        "howdah list file images@master",
    ),
)
@click.version_option(__version__)
@click.pass_context
def main(ctx: click.Context) -> None:
    """Versioned data and labels: repos, branches, commits and files.

    Works on the store that launch.py starts, on one of `howdah serve`, and on a Pachyderm cluster alike.
    """
    ctx.obj = Edge.from_environ(os.environ)


for _verb, (_help, _nouns) in _VERBS.items():
    main.add_command(LazyGroup(_verb, help=_help, entries=_nouns))


if __name__ == "__main__":
    main(prog_name="howdah")
