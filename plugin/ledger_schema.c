/* SPDX-License-Identifier: MIT */
#include "ledger_schema.h"

#include <stddef.h>

#define TEXT_OF(number) #number
#define NUMBER(macro) TEXT_OF(macro)

/* Times are Unix seconds. COLLATE NOCASE where the configuration does not
 * regard case either. A body is TEXT, or a BLOB where it is no text. The
 * partial indexes serve queries with these very words only:
 * state <> 'finished' for what is pending, state = 'finished' for history. */
static const char commands[] =
    "CREATE TABLE commands ("
    " id INTEGER PRIMARY KEY,"
    " created_at REAL NOT NULL,"
    " rule TEXT NOT NULL COLLATE NOCASE,"
    " device TEXT NOT NULL COLLATE NOCASE,"
    " device_id TEXT NOT NULL,"
    " endpoint TEXT NOT NULL COLLATE NOCASE,"
    " slot TEXT NOT NULL,"
    " series TEXT NOT NULL,"
    " severity TEXT NOT NULL,"
    " body,"
    " content_type TEXT NOT NULL,"
    " qos INTEGER,"
    " timeout_s INTEGER NOT NULL,"
    " expires_at REAL,"
    " not_before REAL,"
    " state TEXT NOT NULL," /* waiting, in_flight, finished */
    " outcome TEXT,"
    " attempts INTEGER NOT NULL,"
    " http_code INTEGER,"
    " errno INTEGER,"
    " error TEXT,"
    " cmd_uuid TEXT,"
    " sent_at REAL,"
    " finished_at REAL,"
    " status INTEGER,"
    " status_at REAL,"
    " answer,"           /* of the device */
    " track_until REAL," /* while it is tracked; NULL: it is not, any more */
    " cause TEXT," /* of its last failed attempt: errno_10, http_503 ... */
    " class TEXT," /* of that attempt: offline, not_sent, doubtful ... */
    " value REAL,"
    " valid_from REAL NOT NULL,"
    " waits_for_credentials INTEGER NOT NULL,"
    " doubtful INTEGER NOT NULL);"
    "CREATE INDEX commands_pending ON commands (device)"
    " WHERE state <> 'finished';"
    "CREATE INDEX commands_finished ON commands (finished_at)"
    " WHERE state = 'finished';"
    "CREATE INDEX commands_tracked ON commands (id)"
    " WHERE track_until IS NOT NULL;";

static const char slots[] =
    "CREATE TABLE slots ("
    " key TEXT PRIMARY KEY,"
    " rule TEXT NOT NULL COLLATE NOCASE,"
    " device TEXT NOT NULL COLLATE NOCASE,"
    " device_id TEXT NOT NULL,"
    " endpoint TEXT NOT NULL COLLATE NOCASE,"
    " content_type TEXT NOT NULL,"
    " qos INTEGER,"
    " body," /* what the device accepted last; NULL: nothing is remembered */
    " value REAL,"
    " accepted_at REAL,"
    " epoch INTEGER NOT NULL," /* void unless that of the device in totals */
    " cooldown_until REAL,"
    " last_event_at REAL NOT NULL);";

static const char series[] =
    "CREATE TABLE series ("
    " slot TEXT NOT NULL,"
    " name TEXT NOT NULL,"
    " rule TEXT NOT NULL COLLATE NOCASE,"
    " device TEXT NOT NULL COLLATE NOCASE,"
    " severity TEXT NOT NULL,"
    " body,"
    " okay_body,"
    " unsendable_bytes INTEGER," /* NULL: the body can be sent */
    " value REAL,"
    " arrived_at REAL NOT NULL,"
    " timed_severity TEXT," /* NULL: no event carried a CurrentValue */
    " timed_at REAL,"
    " timed_arrived_at REAL,"
    " PRIMARY KEY (slot, name));";

/* epoch: attempts begun. */
static const char totals[] = "CREATE TABLE totals ("
                             " device TEXT PRIMARY KEY COLLATE NOCASE,"
                             " created INTEGER NOT NULL,"
                             " accepted INTEGER NOT NULL,"
                             " refused INTEGER NOT NULL,"
                             " unknown INTEGER NOT NULL,"
                             " expired INTEGER NOT NULL,"
                             " superseded INTEGER NOT NULL,"
                             " unchanged INTEGER NOT NULL,"
                             " dropped INTEGER NOT NULL,"
                             " cancelled INTEGER NOT NULL,"
                             " epoch INTEGER NOT NULL);";

/* For people: a body on one line, and no longer than a terminal is wide. */
#define SHORT(column)                                                          \
  "CASE typeof(" column ")"                                                    \
  " WHEN 'text' THEN substr(replace(replace(" column                           \
  ", char(13), ' '), char(10), ' '), 1, 40)"                                   \
  " WHEN 'blob' THEN 'x''' || hex(substr(" column ", 1, 16)) || ''''"          \
  " ELSE '' END"
#define SHORT_BODY SHORT("body")
#define SHORT_ACCEPTED_BODY SHORT("accepted_body")

/* For people: local times, short bodies, no NULL. What OneNET says of an
 * accepted command ("succ") is no error. */
static const char readable_view[] =
    "CREATE VIEW readable AS SELECT id,"
    " datetime(created_at, 'unixepoch', 'localtime') AS created,"
    " rule, device, severity, state, coalesce(outcome, '') AS outcome,"
    " attempts,"
    " coalesce(datetime(not_before, 'unixepoch', 'localtime'), '')"
    "  AS next_attempt,"
    " coalesce(datetime(expires_at, 'unixepoch', 'localtime'), 'never')"
    "  AS expires,"
    " coalesce(round(finished_at - created_at, 1), '') AS seconds,"
    " coalesce(cause, '') AS cause,"
    " CASE WHEN outcome IS 'accepted' THEN '' ELSE coalesce(error, '') END"
    "  AS error,"
    " " SHORT_BODY " AS body,"
    " coalesce(cmd_uuid, '') AS cmd_uuid"
    " FROM commands;";

static const char pending_view[] =
    "CREATE VIEW pending AS SELECT id, created, rule, device, severity, state,"
    " attempts, next_attempt, expires, cause, error, body, cmd_uuid"
    " FROM readable WHERE state <> 'finished' ORDER BY +id;";

static const char recent_view[] =
    "CREATE VIEW recent AS SELECT id, created, rule, device, severity,"
    " outcome, attempts, seconds, cause, error, body, cmd_uuid"
    " FROM readable ORDER BY id DESC LIMIT 50;";

/* Each series with its place in its slot: 1 is the one that speaks for the
 * slot, as slot_speaker has it; badness is in the order of enum severity. What
 * a slot remembers counts only in the epoch of its device. */
static const char states_view[] =
    "CREATE VIEW states AS"
    " WITH known AS (SELECT series.rowid AS put, series.*,"
    "   slots.body AS accepted_body, CASE series.severity"
    "    WHEN 'okay' THEN 0 WHEN 'warning' THEN 1 WHEN 'failure' THEN 2"
    "    ELSE 3 END AS badness,"
    "   max(0, unixepoch() - CAST(since_at AS INTEGER)) AS age_s"
    "  FROM series LEFT JOIN totals ON totals.device = series.device"
    "  LEFT JOIN slots ON slots.key = series.slot"
    "   AND slots.epoch = totals.epoch),"
    " placed AS (SELECT *, max(badness) OVER (PARTITION BY slot) AS worst,"
    "  row_number() OVER (PARTITION BY slot"
    "   ORDER BY badness DESC, arrived_at DESC, put DESC) AS place"
    "  FROM known)"
    " SELECT rule, device, name AS series, severity AS state,"
    " coalesce(value, '') AS value,"
    " datetime(since_at, 'unixepoch', 'localtime') AS since,"
    " CASE WHEN age_s >= 86400 THEN (age_s / 86400) || ' d ' ELSE '' END"
    "  || time(age_s % 86400, 'unixepoch') AS age,"
    " CASE WHEN place = 1 THEN 'yes'"
    "  WHEN badness = worst AND badness > 0 THEN 'also' ELSE 'no' END"
    "  AS decides,"
    " " SHORT_BODY " AS asks_for,"
    " " SHORT_ACCEPTED_BODY " AS accepted"
    " FROM placed ORDER BY rule, device, slot, place;";

static const char by_device_view[] =
    "CREATE VIEW by_device AS SELECT device, created, accepted, refused,"
    " unknown, expired, superseded, unchanged, dropped, cancelled,"
    " (SELECT count(*) FROM commands WHERE state <> 'finished'"
    "  AND commands.device = totals.device) AS pending"
    " FROM totals ORDER BY device;";

/* created = ended + pending, always. */
static const char balance_view[] =
    "CREATE VIEW balance AS SELECT *, created - ended - pending AS difference"
    " FROM (SELECT device, created, accepted + refused + unknown + expired"
    "  + superseded + unchanged + dropped + cancelled AS ended, pending"
    "  FROM by_device);";

static const char errors_view[] =
    "CREATE VIEW errors_by_cause AS SELECT cause, device,"
    " count(*) AS commands,"
    " datetime(max(sent_at), 'unixepoch', 'localtime') AS last_attempt,"
    " coalesce(error, '') AS error"
    " FROM commands WHERE cause IS NOT NULL"
    " GROUP BY cause, device ORDER BY commands DESC, cause, device;";

static const char application[] =
    "PRAGMA application_id = " NUMBER(LEDGER_SCHEMA_APPLICATION_ID);

/* A fresh file takes every step: what a later one makes anew is not made
 * here. */
static const char *const step_1[] = {
    commands,    slots,          series,
    totals,      by_device_view, balance_view,
    errors_view, application,    "PRAGMA user_version = 1",
    NULL};

/* timed: of the last event that carried a CurrentValue; event: of the last one
 * of all, of which version 1 knew nothing. since_at: when a series came into
 * its state. The views of version 1 had `fate` for what is called outcome, and
 * `answer` for cmd_uuid or error. */
static const char *const step_2[] = {
    "DROP VIEW IF EXISTS pending",
    "DROP VIEW IF EXISTS recent",
    "DROP VIEW IF EXISTS readable",
    "ALTER TABLE series RENAME COLUMN timed_severity TO event_severity",
    "ALTER TABLE series ADD COLUMN event_at REAL",
    "ALTER TABLE series ADD COLUMN event_arrived_at REAL",
    "ALTER TABLE series ADD COLUMN since_at REAL NOT NULL DEFAULT 0",
    "UPDATE series SET since_at = arrived_at",
    readable_view,
    pending_view,
    recent_view,
    states_view,
    "PRAGMA user_version = 2",
    NULL};

const char *const *const ledger_schema_steps[LEDGER_SCHEMA_VERSION] = {step_1,
                                                                       step_2};
