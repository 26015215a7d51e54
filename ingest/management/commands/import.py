"""`manage.py import PROJECT FILE`: bring history into the record, from lines of JSON or a CSV table."""

import csv
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from tqdm import tqdm

from ingest.database import Unavailable
from ingest.imports import columns, lines, reasons, run
from ingest.imports.columns import BadColumns, Columns
from ingest.imports.lines import File, Numbered
from ingest.imports.progress import Progress, Tally
from ingest.imports.reasons import MIXED
from ingest.imports.storing import Job
from ingest.kinds import BY_WORD
from ingest.management.base import BaseCommand
from ingest.projects.models import Project


class Command(BaseCommand):
    """Import a file."""

    help = (
        "Bring history into a project (by slug): FILE is JSON, one item a line, or a CSV table with a header; either may be "
        "gzip. Run it again after an interruption and it goes on where it stopped. Nobody is alerted of imported events."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """What, where to, and how columns are called."""
        parser.add_argument("project")
        parser.add_argument("file", type=Path)
        kinds = [*BY_WORD, MIXED]
        parser.add_argument("--kind", choices=kinds, default="interaction", help="mixed: each line names its `type`")
        parser.add_argument("--csv", action="store_true", help="a CSV table, whatever the file's name says")
        parser.add_argument(
            "--map", action="append", default=[], metavar="COLUMN=FIELD", help="an empty FIELD drops it"
        )
        parser.add_argument("--columns", type=Path, help="a file of COLUMN=FIELD lines")
        parser.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", help="the same in every row")
        parser.add_argument("--time-format", default="", help="how times are written, like '%%d.%%m.%%Y %%H:%%M'")
        parser.add_argument("--alert", action="store_true", help="let rules judge open windows that hold these events")
        parser.add_argument("--processes", type=int, default=min(4, os.cpu_count() or 1))

    def handle(self, *args: Any, project: str, file: Path, kind: str, **options: Any) -> None:
        """Import, and say what became of the lines."""
        found = Project.objects.filter(slug=project).first()
        if found is None:
            raise CommandError(f"no project has the slug {project!r}")
        if not settings.HAS_SECRET_KEY:
            raise CommandError(
                "OBSERVATORY_SECRET_KEY is not set: without it, items sent again would not be known again"
            )
        options["csv"] |= ".csv" in file.suffixes
        time_format = options["time_format"] if options["csv"] else ""
        job = Job(file.name, found.pk, tuple(BY_WORD) if kind == MIXED else (kind,), options["alert"], time_format)
        try:
            mapping = _columns(options, found.time_zone)
            source = lines.opened(file)
            progress = Progress(file, f"{project} {kind} {mapping}")
            tally = self._import(job, source, mapping, progress, options)
        except BadColumns as error:
            raise CommandError(str(error)) from error
        except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
            raise CommandError(f"{file} cannot be read: {error}") from error
        except KeyboardInterrupt as stop:
            raise CommandError(
                f"Stopped after line {progress.tally.line:,}. Run the same again: it goes on there."
            ) from stop
        except Unavailable as error:
            raise CommandError("The database does not answer. Run the same again: it goes on from here.") from error
        self._tell(tally)
        if tally.refused:
            self._explain(
                progress,
                job,
                reasons.strangers(lines.header_of(file), mapping, BY_WORD[kind]) if options["csv"] else None,
            )

    def _import(self, job: Job, source: File, mapping: Columns, progress: Progress, options: dict[str, Any]) -> Tally:
        if progress.goes_on:
            self.stderr.write(f"Going on after line {progress.tally.line:,}.")
        is_done = False
        try:
            with tqdm(total=source.size, unit="B", unit_scale=True, unit_divisor=1024, disable=None) as bar:

                def told() -> None:
                    bar.set_postfix_str(
                        f"{progress.tally.total:,} items, {progress.tally.refused:,} refused", refresh=False
                    )
                    bar.update(source.position - bar.n)

                read = (
                    _rows(source, mapping, job, progress.tally.line)
                    if options["csv"]
                    else lines.json_lines(source, progress.tally.line)
                )
                tally = run.bring_in(job, read, progress, processes=options["processes"], told=told)
            is_done = True
        finally:
            progress.close(is_done=is_done)
            source.raw.close()
        return tally

    def _tell(self, tally: Tally) -> None:
        told = f"{tally.total:,} items: {tally.created:,} stored, {tally.duplicates:,} there already, {tally.refused:,} refused."
        self.stdout.write(told)
        if tally.late:
            self.stdout.write(
                f"{tally.late:,} of them lie beyond retention: counted on the Status page, not in charts."
            )

    def _explain(self, progress: Progress, job: Job, strangers: list[str] | None) -> None:
        """The commonest reasons, and what may be behind them; `strangers` are columns that are no field, None without a table."""
        for reason in reasons.commonest(progress.refused()):
            self.stdout.write(f"  {reason}")
        if strangers:
            self.stdout.write(
                f"Columns that are no field: {', '.join(strangers)}. --map COLUMN=FIELD says what they are."
            )
        word = reasons.lookalike(progress.refused(), job.only, is_table=strangers is not None)
        if word:
            self.stdout.write(f"Most of these look like {word}: --kind {word}")
        self.stdout.write(f"What was refused, and why: {progress.rejected}")


def _rows(source: File, mapping: Columns, job: Job, after: int) -> Iterator[Numbered]:
    if len(job.kinds) > 1:
        raise BadColumns("a table holds one kind: name it with --kind")
    return lines.table_rows(source, mapping, BY_WORD[job.kinds[0]], after)


def _columns(options: dict[str, Any], time_zone: str) -> Columns:
    """The column map of the command line. Raises BadColumns."""
    words = list(options["map"])
    if options["columns"]:
        told = options["columns"].read_text(encoding="utf-8").splitlines()
        words = [line for line in told if line.strip() and not line.startswith("#")] + words
    fixed = dict(word.split("=", 1) for word in options["set"] if "=" in word)
    if len(fixed) != len(options["set"]):
        raise BadColumns("--set takes FIELD=VALUE, each field once")
    return Columns(columns.pairs(words), fixed, options["time_format"], time_zone)
