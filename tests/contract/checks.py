"""What every connector promises, each promise one check over a Case. Nothing here knows a vendor."""

from __future__ import annotations

import json
import sys
import traceback
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from connections.catalogue import CATALOGUE
from connections.sandbox.faults import RECORD_FAULTS, RESPONSE_FAULTS
from connections.sdk.declare import Columns, Document, Key, Page, Stream, Sweep
from connections.sdk.errors import CODES, SyncError
from connections.sdk.settings import SettingsInvalid, check_settings
from syncruns.engine.documents import LARGEST
from syncruns.engine.sweep import shown_keys
from syncruns.engine.transform import key_of, to_rows, typed_keys
from syncruns.events import EVENTS
from tests.contract.case import SMALL, Case, Impatient
from tests.engine.destination import Destination

Check = Callable[[Case], None]
STATUSES = ("400", "401", "403", "404", "409", "410", "422", "429", "500", "502", "503", "504")
BUGS = {"internal", "extraction_failed"}  # codes that say that nobody foresaw it
CUTS = ("empty-page,after=1", "empty-page:1,after=2", "truncate,after=1", "shifting-pages")
ENOUGH = 5  # requests to find out that there is nothing
PAGES_ALIVE = 3  # of a read whose pages nobody keeps


def settings_are_declared(case: Case) -> None:
    """Names are unique, secrets are marked, the sample fits, and an empty form is refused, not met with a crash."""
    kind = case.connector
    names = [setting.name for setting in kind.settings]
    assert kind.kind and kind.label and kind.schema and kind.kind == case.sample("http://x")["kind"]
    assert len(set(names)) == len(names) and all(setting.label for setting in kind.settings)
    assert any(setting.is_secret for setting in kind.settings), "the sample's secret must be one"
    destinations = [setting.name for setting in kind.settings if setting.destination]
    assert destinations, "a secret must not be pointed at another host: which setting says where it goes?"
    assert set(case.values) <= set(names)
    try:
        check_settings(kind.settings, {})
    except SettingsInvalid as refused:
        assert {str(problem.path[0]) for problem in refused.problems} <= set(names)


def streams_are_declared(case: Case) -> None:
    """The config alone says them, the same every time; no two write one table, and a table's key is its own."""
    session = case.session()
    streams = session.streams(session.config)
    assert streams and session.streams(json.loads(json.dumps(session.config))) == streams
    keys = [stream.key for stream in streams]
    assert len(set(keys)) == len(keys) and all(stream.label and stream.tables for stream in streams)
    tables = [table.name for stream in streams for table in stream.tables]
    assert len(set(tables)) == len(tables)


def connection_can_be_tested(case: Case) -> None:
    """The sandbox is found in order, and a wrong secret is found out, without its being told."""
    findings = list(case.session().test(Impatient()))
    assert findings and not [finding for finding in findings if finding.state == "failed"]
    case.sandbox.faults.order("401")
    texts: list[str] = []
    try:
        texts = [str(finding) for finding in case.session().test(Impatient())]
        assert any("state='failed'" in text for text in texts)
    except SyncError as error:
        texts = [told(error)]
    finally:
        case.sandbox.faults.order("")
    assert_secretless(case, texts)


def keys_are_present(case: Case) -> None:
    """Every record has its key and nothing that is not declared; the sample has records for every stream."""
    for stream in case.streams():
        pages = case.pages(stream)
        assert any(page.rows.get(stream.tables[0].name) for page in pages), f"{stream.key}: the sandbox has no records"
        for page in pages:
            for name, records in page.rows.items():
                table = stream.table(name)
                columns = {column.name for column in table.columns}
                for record in records:
                    assert set(record) <= columns, f"{name}: {set(record) - columns} is not declared"
                    assert None not in [record.get(part) for part in table.key], f"{name}: {record} has no key"


def values_parse_to_their_types(case: Case) -> None:
    """Nothing of a healthy source goes to quarantine."""
    for stream in case.streams():
        typed = [to_rows(page, stream) for page in case.pages(stream)]
        assert [reject for page in typed for reject in page.rejects] == []


def secrets_are_absent_from_every_error(case: Case) -> None:
    """Even when the source sends back all that it was sent."""
    for stream in case.streams():
        _pages, error, context = case.outcome(stream, "echo")
        assert error is not None and error.code in CODES
        assert_secretless(case, [told(error), str(context.events)])


def erased_secret_is_asked_for_by_name(case: Case) -> None:
    """Whoever changes the address erases the secrets, and a run may come before they are given again."""
    session = case.session()
    session.secrets = {}
    try:
        list(session.read(session.streams(session.config)[0], None, Impatient()))
    except SyncError as error:
        named = {setting.name for setting in session.settings if setting.is_secret}
        assert error.code == "config_invalid" and error.params["field"] in named, error
    else:
        raise AssertionError("read without a secret")


def empty_page_ends_the_reading(case: Case) -> None:
    """A source that has nothing is read to an end, and nothing is taken for deleted."""
    for stream in case.streams():
        (requests, with_rows), before = case.effort_of(stream), len(case.sandbox.requests)
        pages, error, _context = case.outcome(stream, "empty-page", **case.in_small_pages(stream))
        assert case.played["empty-page"], f"{stream.key}: the sandbox plays no empty-page"
        assert len(case.sandbox.requests) - before <= requests + ENOUGH
        assert case.played["empty-page"] <= with_rows + ENOUGH, f"{stream.key}: goes on asking after an empty page"
        assert error is not None or not any(page.rows.get(stream.tables[0].name) for page in pages)
        assert not any(page.deletes for page in pages)


def same_page_twice_raises(case: Case) -> None:
    """A source that shows its first page for ever is not read for ever."""
    for stream in case.streams():
        pages, error, _context = case.outcome(stream, "repeated-page", **case.in_small_pages(stream))
        assert case.played["repeated-page"] > 1, f"{stream.key}: only one page, or no repeats"
        assert error is not None and error.code == "pagination_loop", f"{stream.key}: {error}"
        assert not any(page.sweep and page.sweep.complete for page in pages)


def memory_is_bounded(case: Case) -> None:
    """Pages are about as small as asked for (a set comes whole), come one by one, and are not kept by the reader."""
    for stream in case.streams():
        top, alive, kept, first = stream.tables[0].name, list[Any](), list[Any]([{}]), 0
        before = len(case.sandbox.requests)
        read = case.read(stream, None, Impatient(**case.in_small_pages(stream)))
        largest = most_alive = 0
        holds_on = False
        for page in read:
            first = first or len(case.sandbox.requests) - before
            records = page.rows.get(top, ())
            largest = max(largest, len(records))
            kept += [records] if isinstance(records, Columns) else records[:1]
            alive = [each for each in alive if each() is not None] + [weakref.ref(page)]
            most_alive = max(most_alive, len(alive))
            del page, records
            nobodys, *oldest = map(sys.getrefcount, kept[:2])  # the first is a record that nobody else holds
            holds_on = len(kept) > PAGES_ALIVE + 1 and oldest != [nobodys]
        assert first < len(case.sandbox.requests) - before, f"{stream.key}: all is asked for before the first page"
        assert largest <= 10 * SMALL, f"{stream.key}: {largest} records at once"
        assert most_alive <= PAGES_ALIVE, f"{stream.key}: the reader keeps {most_alive} pages"
        assert not holds_on, f"{stream.key}: the reader keeps what it has yielded to its end"


def checkpoints_survive_json(case: Case) -> None:
    """A checkpoint is JSON, the reader goes on from what JSON made of it, and it may say as of when it is."""
    for stream in case.streams():
        states = [page.checkpoint for page in case.pages(stream) if page.checkpoint is not None]
        assert states, f"{stream.key}: no page carries a checkpoint"
        for state in states:
            again = json.loads(json.dumps(state, allow_nan=False))
            assert again == state
            moment = case.connector.as_of(stream, again)
            assert moment is None or moment.utcoffset() is not None
        list(case.read(stream, json.loads(json.dumps(states[-1]))))


def replay_changes_nothing(case: Case) -> None:
    """Loaded again, from the start or from a checkpoint on, the same pages leave the same rows."""
    for stream in case.streams():
        destination = Destination(*stream.tables, schema=f"contract_{case.connector.schema}")
        pages = case.pages(stream)
        for page in pages:
            destination.load_page(page)
        whole = {table.name: destination.live(table.name) for table in stream.tables}
        destination.connection_id += 1
        places = [number for number, page in enumerate(pages) if page.checkpoint is not None]
        for begin in (0, places[len(places) // 2], places[-1]):
            for page in pages[begin:]:
                destination.load_page(page)
            assert {table.name: destination.live(table.name) for table in stream.tables} == whole
        counts = [destination.load_page(page) for page in pages]
        assert sum(each.deleted for each in counts) == sum(each.inserted for each in counts), (
            "what is named deleted stays"
        )


def reading_again_brings_the_same_rows(case: Case) -> None:
    """Keys are the source's own, and so are values: what is made up at each read would be written at each sync."""
    for stream in case.streams():
        first, again = (_rows_by_key(stream, pages) for pages in (case.pages(stream), list(case.read(stream))))
        # Some may have changed meanwhile, as sandboxes live, or tell of the read itself, as when it was.
        differing = [key for key, row in first.items() if again.get(key) != row]
        assert len(differing) <= len(first) / 2, f"{stream.key}: another read knows nothing of {differing[0]}"


def checkpoints_pass_no_record(case: Case) -> None:
    """What comes up to the first checkpoint, and from there on, is everything."""
    for stream in case.streams():
        whole, top = _rows_by_key(stream, case.pages(stream)), stream.tables[0].name
        size = max(SMALL, sum(len(page.rows.get(top, ())) for page in case.pages(stream)) // 4)
        read, parts = case.read(stream, None, Impatient(page_size=size)), list[Page]()
        state = None
        while state is None:
            parts.append(next(read))
            state = parts[-1].checkpoint
        parts += case.read(stream, json.loads(json.dumps(state)), Impatient(page_size=size))
        lost = whole.keys() - _rows_by_key(stream, parts).keys()
        assert len(lost) <= len(whole) / 10, f"{stream.key}: who goes on from {state} misses {next(iter(lost))}"


def _rows_by_key(stream: Stream, pages: Sequence[Page]) -> dict[tuple[Any, ...], Any]:
    """Return the typed rows of a read by table and key, without those that it names deleted itself."""
    found: dict[tuple[Any, ...], Any] = {}
    for page in pages:
        typed = to_rows(page, stream)
        for name, rows in typed.rows.items():
            key = key_of(stream.table(name))
            found |= {(name, *key(row)): row for row in rows}
        for name, keys in typed.deletes.items():
            for one in keys:
                found.pop((name, *one), None)
    return found


def every_fault_ends_in_a_mapped_code(case: Case) -> None:
    """Whatever the sandbox can do wrong: a code with an explanation, no secret, and an event that has words."""
    stream = min(case.streams(), key=lambda one: sum(len(page.rows) for page in case.pages(one)))
    vendor = [f"vendor-error,code={name}" for name in getattr(case.sandbox.app, "vendor_errors", ())]
    must_fail = [*STATUSES, *RESPONSE_FAULTS, *vendor]
    for fault in [*must_fail, "reset,after=2", "truncate,after=2", "401,after=2", *RECORD_FAULTS]:
        pages, error, context = case.outcome(stream, fault, page_size=SMALL)
        assert error is not None or fault not in must_fail, f"{fault} passed unnoticed: {len(pages)} pages"
        assert all(event in EVENTS for _level, event, _params in context.events)
        for page in pages:
            to_rows(page, stream)
        if error is not None:
            assert error.code in CATALOGUE and error.code not in BUGS, f"{fault}: {error}"
            json.dumps(error.params)
        assert_secretless(case, [told(error) if error else "", str(context.events)])


def sweeps_miss_nothing_that_exists(case: Case) -> None:
    """What a read brings is met by its own sweep, and a list that was cut short is told to the end of none."""
    for stream in case.streams():
        existing: dict[str, dict[Any, Any]] = {}
        for (name, *key), row in _rows_by_key(stream, case.pages(stream)).items():
            existing.setdefault(name, {})[tuple(key)] = row
        reads = [case.pages(stream), *(case.outcome(stream, cut, **case.in_small_pages(stream))[0] for cut in CUTS)]
        for cut, pages in zip(("nothing", *CUTS), reads, strict=True):
            for sweep, met in _completed(stream, pages):
                places = {column.name: at for at, column in enumerate(stream.table(sweep.table).columns)}
                missed = {
                    key for key, row in existing.get(sweep.table, {}).items()
                    if key not in met and all(each.admits(row[places[each.column]]) for each in sweep.within)
                }  # fmt: skip
                assert not missed, f"{stream.key}: cut by {cut}, a sweep of {sweep.table} misses {missed}"


def _completed(stream: Stream, pages: Sequence[Page]) -> Iterator[tuple[Sweep, set[Key]]]:
    """Yield the sweeps that a read completed, by its last page, with the keys that it met."""
    met: dict[str, set[Key]] = {}
    for page in pages:
        typed = to_rows(page, stream)
        if page.sweep is not None and page.sweep.begins:
            met[page.sweep.table] = set()
        for name, keys in met.items():
            keys.update(shown_keys(stream.table(name), typed))
        if page.sweep is not None:
            keys = met[page.sweep.table]
            keys.update(typed_keys(stream.table(page.sweep.table), page.sweep.keys))
            if page.sweep.complete:
                yield page.sweep, met.pop(page.sweep.table)


def documents_are_named_by_rows(case: Case) -> None:
    """A page brings a document with a row that names it, and a row names none that was never brought."""
    for stream in case.streams():
        assert_documents_named(stream, case.pages(stream), {})


CHECKS: tuple[Check, ...] = (
    settings_are_declared,
    streams_are_declared,
    connection_can_be_tested,
    keys_are_present,
    values_parse_to_their_types,
    secrets_are_absent_from_every_error,
    erased_secret_is_asked_for_by_name,
    empty_page_ends_the_reading,
    same_page_twice_raises,
    memory_is_bounded,
    checkpoints_survive_json,
    replay_changes_nothing,
    reading_again_brings_the_same_rows,
    checkpoints_pass_no_record,
    sweeps_miss_nothing_that_exists,
    documents_are_named_by_rows,
    every_fault_ends_in_a_mapped_code,
)
LONG = (
    reading_again_brings_the_same_rows,
    checkpoints_pass_no_record,
    sweeps_miss_nothing_that_exists,
)  # of the vendors' sandboxes


def assert_documents_named(part: Stream, pages: Sequence[Page], kept: Mapping[str, Document]) -> None:
    """Check the documents of pages; kept: those that earlier ones brought, by their sha256."""
    known = set(kept)
    columns = {table.name: [one.name for one in table.columns if one.document] for table in part.tables}
    for page in pages:
        named = {
            record[column]
            for name, records in page.rows.items()
            for record in records
            for column in columns[name]
            if record.get(column) is not None
        }
        brought = {document.sha256 for document in page.documents}
        known |= brought
        assert brought <= named, f"{part.key}: a document that no row of its page names is never found again"
        assert named <= known, f"{part.key}: a row names a document that was not brought"
        for document in page.documents:
            assert "/" in document.content_type and len(document.content) <= LARGEST


def told(error: SyncError) -> str:
    """Return all that anybody could ever show of an error: its texts, and those of what it came from."""
    chain = "".join(traceback.format_exception(error))
    return f"{error} {error!r} {error.detail} {error.params} {chain}"


def assert_secretless(case: Case, texts: list[str]) -> None:
    secrets = case.session().secrets.values()
    assert secrets and all(secrets)
    for text in texts:
        for secret in secrets:
            assert secret not in text
