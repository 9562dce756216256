"""The command line: `python -m engine list | run | route | compare | study`.

Results go to stdout, as one JSON object with ``--json``; progress and errors go to stderr. Bad
input is reported in one line with the field, the value and what is allowed, and exit status 2. If a
lane failed, the results of all lanes are printed with a line that gives the reason, and the exit
status is 3; if a file could not be written after that, it is 4; if one of the processes that share
a race has ended, 5.
"""

from __future__ import annotations

import io
import os
import sys
from signal import SIGINT
from typing import NoReturn

import click

from ..errors import BadInput, one_line
from ..system import ranks, settings
from ..system.input_checks import check
from ..system.ranks import RankLost
from .compare import compare
from .list import list_command
from .options import EXIT_BAD_INPUT, EXIT_RANK, EXIT_SIGNAL
from .route import route
from .run import run
from .study import study


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.pass_context
def cli(context: click.Context) -> None:
    """Kelvin: learning without gradients, raced against backprop."""
    if ranks.launched() and context.invoked_subcommand != "run":
        raise BadInput(
            "torchrun", context.invoked_subcommand, "run, the command whose race is shared"
        )


for command in (list_command, run, route, compare, study):
    cli.add_command(command)


def complain(text: str) -> NoReturn:
    """Print one line on stderr and exit with status 2. Of processes that share a race one on every
    machine speaks.
    """
    if ranks.speaks():
        click.echo(" ".join(text.split()), err=True)
    sys.exit(EXIT_BAD_INPUT)


def _program() -> str:
    """Return the name of the command: the package's own name if it is installed."""
    package = str(__package__).partition(".")[0]
    return "python -m engine" if package == "engine" else package


def _any_letter() -> None:
    """Print letters that the locale does not have as escapes: a result is not lost for one."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def main(arguments: list[str] | None = None) -> None:
    """Run the command line. Every user error is one line and exit status 2, never a traceback."""
    _any_letter()
    try:
        check(sys.argv[1:] if arguments is None else arguments, "argument")
        settings.check()
        cli.main(args=arguments, prog_name=_program(), standalone_mode=False)
    except BadInput as error:
        complain(str(error))
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        sys.exit(EXIT_BAD_INPUT)
    except click.ClickException as error:
        complain(error.format_message())
    except RankLost as lost:
        click.echo(one_line(f"{lost}; a checkpoint is as it was last written"), err=True)
        sys.stderr.flush()
        os._exit(EXIT_RANK)  # what waits for the others would keep this process
    except (click.Abort, KeyboardInterrupt):
        if ranks.speaks():
            click.echo("stopped at once; a checkpoint is as it was last written", err=True)
        sys.exit(EXIT_SIGNAL + SIGINT)
    except MemoryError:
        complain(
            "experiment: it does not fit in this machine's memory; expected a smaller "
            "population, batch or network"
        )
