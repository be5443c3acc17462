"""What checks find, in words: a sentence for each code, and what to do about it."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

# Code -> what was found, and what to do about it.
TEXTS: dict[str, tuple[str | Promise, str | Promise]] = {
    "unchecked": (
        _("The database refused the question (%(kind)s)."),
        _("Look at the application log; if tables are missing, start Sincro again."),
    ),
    "machine_refused": (
        _("This could not be looked at: %(path)s: %(said)s."),
        _("Give the file or folder to the user who runs Sincro, and ask as that user."),
    ),
    "check_failed": (
        _("This could not be looked at (%(where)s)."),
        _("It is a defect of Sincro, or its data were changed by hand: report this line."),
    ),
    "database_answers": (_("%(kind)s answers in %(ms)s ms."), ""),
    "database_slow": (
        _("%(kind)s took %(ms)s ms to answer."),
        _("Look at the load of the database's machine."),
    ),
    "database_down": (
        _("The database does not answer (%(kind)s)."),
        _("Start the database, and check DATABASE_URL and, for SQLite, that the file can be read."),
    ),
    "database_refuses": (
        _("The server of the database answers, but lets nobody in: %(place)s: %(said)s"),
        _("Check user, password and name in DATABASE_URL, and what the server allows (pg_hba.conf)."),
    ),
    "database_damaged": (
        _("The database is damaged: %(path)s"),
        _("Stop Sincro, keep a copy of the file, and restore the last backup (docs/production.md)."),
    ),
    "database_readonly": (
        _("The database can be read but not written: %(path)s"),
        _("Give the file and its folder to the user who runs Sincro, or make their disk writable; start it again."),
    ),
    "database_standby": (
        _("The server of the database takes no changes: it is a standby, or was set to be read only (%(path)s)."),
        _("Let DATABASE_URL name the primary server, or lift default_transaction_read_only."),
    ),
    "database_unopenable": (
        _("The file of the database cannot be opened: %(path)s"),
        _("Check that the file and its folder are there and belong to the user who runs Sincro."),
    ),
    "database_locked": (
        _("Another program keeps the database for itself: %(path)s"),
        _("End that program (fuser names it), then ask again."),
    ),
    "database_full": (
        _("The disk of the database is full: %(path)s"),
        _("Make room on it; Sincro goes on by itself."),
    ),
    "database_io": (
        _("The disk of the database fails: %(path)s"),
        _("Look at the disk and at the system's log; have a backup ready."),
    ),
    "database_forbidden": (
        _("The database does not allow its user what Sincro needs: %(path)s"),
        _("Make the user of DATABASE_URL the owner of the database and of its tables."),
    ),
    "database_crowded": (
        _("The server of the database has no connection to spare: %(path)s"),
        _("Raise max_connections, or end what holds so many."),
    ),
    "database_slow_answer": (
        _("The database took longer than a minute over one question: %(path)s"),
        _("Look at the load of the database's machine."),
    ),
    "migrations_done": (_("All tables are as this version needs them."), ""),
    "migrations_pending": (
        _("Changes to the tables that wait: %(count)s; first: %(first)s."),
        _("Start Sincro again, or run manage.py migrate."),
    ),
    "migrations_newer": (
        _("A newer version has changed the tables: %(newest)s, which this version does not know."),
        _("Install the version that made the change, or restore the backup from before it."),
    ),
    "tables_missing": (
        _("Tables of the console are missing, although they had been made: %(tables)s."),
        _("Restore them from the last backup: Sincro does not make them twice."),
    ),
    "processes_alive": (_("Running here: %(roles)s."), ""),
    "processes_elsewhere": (_("None runs here, but the scheduler does on another machine."), ""),
    "processes_none": (_("Sincro is not running."), _("Start it: make run, or the service that starts it.")),
    "processes_ended": (
        _("Ended here: %(roles)s."),
        _("The supervisor starts them again; if they keep ending, the application log says why."),
    ),
    "processes_frozen": (
        _("Stopped by a signal, so they do nothing: %(roles)s."),
        _("Start Sincro again, or let them go on with kill -CONT."),
    ),
    "processes_unwatched": (
        _("Their supervisor has ended or stands still, so nobody starts them again: %(roles)s."),
        _("Start Sincro again."),
    ),
    "web_answers": (_("%(address)s answers in %(ms)s ms."), ""),
    "web_elsewhere": (_("It does not run here."), ""),
    "web_silent": (
        _("%(address)s does not answer, although the process is there."),
        _("Start Sincro again; the application log may say more."),
    ),
    "scheduler_confirmed": (_("Confirmed; its last sign of life came %(at)s."), ""),
    "scheduler_starting": (_("It is starting and not confirmed yet."), _("Ask again in a minute.")),
    "scheduler_never": (
        _("It has never given a sign of life, so nothing syncs by itself."),
        _("Start Sincro; if it runs, the application log says what keeps the control process from working."),
    ),
    "scheduler_silent": (
        _("Its last sign of life came %(at)s; since then nothing syncs by itself."),
        _("Start Sincro again; the end of the application log says why it stopped."),
    ),
    "scheduler_behind": (
        _("It works on another machine, whose clock is %(span)s behind this one's: slots come late."),
        _("Switch time synchronisation (NTP) on, on every machine."),
    ),
    "log_moves": (_("Last written %(at)s: %(path)s"), ""),
    "log_empty": (_("Nothing to tell yet: %(path)s"), ""),
    "log_still": (
        _("A run ended %(run_at)s, but nothing has been written since: %(path)s"),
        _("Check that the disk is not full and that the user who runs Sincro owns the file; then start Sincro again."),
    ),
    "log_unwritable": (
        _("It cannot be written: %(path)s"),
        _("Give the file and its folder to the user who runs Sincro."),
    ),
    "locks_free": (_("Nobody waits for a lock."), ""),
    "locks_waiting": (
        _("Sessions of the database that wait for a lock: %(count)s, for %(span)s; held by: %(holder)s."),
        _("End what holds it: a report or an open transaction of another program."),
    ),
    "locks_held": (
        _("An open transaction does nothing and holds locks, for %(span)s: %(holder)s; tables: %(tables)s."),
        _("End it: whoever needs these rows waits for it, or passes them over."),
    ),
    "locks_out": (
        _("A table is locked, so not even this look was possible; locks are held for %(span)s by: %(holder)s."),
        _("End what holds it: a report or an open transaction of another program."),
    ),
    "locks_sqlite": (
        _("The file is locked for writing, for %(span)s at least; by: %(holder)s."),
        _("End the program that holds it, or let it finish its transaction; nothing syncs meanwhile."),
    ),
    "clock_right": (_("This machine, the database and the scheduler agree."), ""),
    "clock_apart": (
        _("This machine's clock and that of the database or of the scheduler are %(span)s apart."),
        _("Switch time synchronisation (NTP) on, on every machine."),
    ),
    "clock_source": (
        _("%(connection)s: the clock of %(host)s and this machine's are %(span)s apart."),
        _("Switch time synchronisation (NTP) on; if this machine's clock is right, tell those who run the source."),
    ),
    "disk_free": (_("%(bytes)s free (%(percent)s%%): %(path)s"), ""),
    "disk_full": (
        _("Only %(bytes)s free (%(percent)s%%): %(path)s"),
        _("Make room, or keep less: KEEP_LOGS_DAYS and KEEP_RUNS_DAYS."),
    ),
    "disk_no_room": (
        _("Nothing more can be written to %(path)s: %(said)s."),
        _("Make room: the disk, the user's quota or the number of files is used up."),
    ),
    "disk_unwritable": (
        _("%(path)s cannot be written: %(said)s."),
        _("Make the disk writable, and give the folder to the user who runs Sincro."),
    ),
    "keys_right": (_("Connections whose stored credentials can be read: %(count)s."), ""),
    "keys_wrong": (
        _("The stored credentials cannot be read: %(connections)s."),
        _("Put the key that encrypted them back into CREDENTIAL_KEYS, or enter the credentials again."),
    ),
    "credentials_hold": (_("No key or password is known to end within two weeks."), ""),
    "credentials_end": (
        _("%(secret)s of %(connection)s ends on %(on)s, %(days)s."),
        _("Create a new one in the source and enter it in the connection's settings, with its end date."),
    ),
    "credentials_ended": (
        _("%(secret)s of %(connection)s was to end on %(on)s."),
        _("Enter the new one in the connection's settings, with its end date."),
    ),
    "queue_moves": (_("%(count)s waiting, %(running)s running, %(workers)s workers here."), ""),
    "queue_long": (
        _("%(count)s waiting, the oldest queued %(at)s; all workers are busy."),
        _("If this is often so, raise SYNC_WORKERS or sync less often."),
    ),
    "queue_stuck": (
        _("%(count)s waiting, the oldest queued %(at)s, although workers should be free."),
        _("Start Sincro again; the supervisor does so by itself when it runs."),
    ),
    "queue_nobody": (
        _("%(count)s waiting, the oldest queued %(at)s: no worker runs here, and none elsewhere takes them."),
        _("Start the workers: make run, or the service that starts them."),
    ),
    "queue_forgotten": (
        _("Runs that stand as running but that nobody runs: %(count)s."),
        _("The scheduler recovers them as soon as it runs."),
    ),
    "runs_on_time": (_("Connections that sync by themselves, all on time: %(count)s."), ""),
    "runs_late": (
        _("%(connection)s should have started %(at)s."),
        _("See the lines about scheduler and queue."),
    ),
    "runs_unplanned": (
        _("%(connection)s is to sync by itself, but no next sync is planned."),
        _("Choose a schedule that comes again; or switch automatic syncing off and on."),
    ),
    "runs_kind_off": (
        _("%(variable)s=0 keeps connections from syncing: %(count)s."),
        _("Take it out of the environment and start Sincro again when they are to sync."),
    ),
    "runs_need_person": (
        _("%(connection)s stopped %(at)s: %(error)s."),
        _("Open the connection: its page says what to do."),
    ),
    "runs_held_back": (
        _("%(connection)s syncs, but deletions wait for a decision (%(at)s)."),
        _("Open the connection: its page shows the rows that would go."),
    ),
    "runs_failing": (
        _("%(connection)s failed %(at)s: %(error)s; it tries again by itself."),
        _("Nothing yet; if it goes on, open the run."),
    ),
    "runs_partial": (
        _("%(connection)s loaded only a part %(at)s."),
        _("Open the run: it says what was left out."),
    ),
    "runs_undecided": (
        _("%(connection)s goes on, but its source does not offer: %(missing)s."),
        _("Open the connection: switch these streams off, or have them made available in the source."),
    ),
    "runs_quota": (_("%(connection)s waits for its source's quota, which returns %(at)s."), _("Nothing to do.")),
    "streams_fresh": (_("%(connection)s: every stream was read to its end; longest ago: %(at)s."), ""),
    "streams_new": (_("%(connection)s: no stream has been read yet."), ""),
    "streams_stale": (
        _("%(connection)s: not read to the end for longer than the schedule allows: %(stale)s."),
        _("Open the last runs of the connection."),
    ),
    "streams_never": (
        _("%(connection)s: never read to the end since automatic syncing began (%(began)s): %(never)s."),
        _("Open the last runs of the connection: they say what keeps these streams from being read."),
    ),
    "streams_unknown": (
        _("%(connection)s: its streams cannot be told: %(error)s."),
        _("Check the settings of the connection."),
    ),
    "data_moves": (_("In 24 h: %(read)s read, %(inserted)s new, %(updated)s changed."), ""),
    "data_still": (
        _("%(connection)s last read a record %(since)s; runs that succeeded since then and found none: %(runs)s."),
        _("Look at the source, and at the look-back of its streams."),
    ),
    "data_never": (
        _("%(connection)s has never read a record, although its runs succeed: %(runs)s."),
        _("Look whether the account may see data, and at the filters and the look-back of its streams."),
    ),
    "network_quiet": (_("No errors of TLS or connection that repeat."), ""),
    "network_failing": (
        _("%(connection)s, %(count)s times in 24 h: %(error)s."),
        _("Check the address, the certificate, and this machine's firewall and proxy."),
    ),
    "cycle_short": (_("The longest last run took %(span)s."), ""),
    "cycle_long": (
        _("%(connection)s takes %(span)s, more than 5 minutes."),
        _("A first load may; else read less at once: shorter look-back, or slower streams of their own rhythm."),
    ),
    "chores_done": (_("What is too old is removed; last %(at)s."), ""),
    "chores_new": (_("It begins soon after the first start."), ""),
    "chores_late": (
        _("It has not been done for hours: %(names)s."),
        _("See the lines about scheduler and queue; the application log may say more."),
    ),
    "mail_off": (_("No mail server is set, and nobody asked to be told."), ""),
    "mail_wanted": (
        _("People who want to be told by e-mail: %(count)s; but no mail server is set."),
        _("Set EMAIL_URL and EMAIL_FROM as .env.example shows, and start Sincro again."),
    ),
    "mail_failing": (
        _("A message was not sent (%(at)s): %(mail_error)s"),
        _("Send a test message under Settings, Mail server: it says what to do."),
    ),
    "mail_sent": (_("%(host)s takes messages; the last one went out %(at)s."), ""),
    "mail_new": (_("Messages go out through %(host)s; there has been none yet."), ""),
    "vendors_none": (_("There is no connection yet."), ""),
    "vendor_answers": (_("%(connection)s: %(host)s answers in %(ms)s ms."), ""),
    "vendor_unreachable": (
        _("%(connection)s: %(host)s cannot be reached: %(error)s."),
        _("Check the address, and whether this machine may reach it."),
    ),
}
