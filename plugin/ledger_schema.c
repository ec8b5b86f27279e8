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

/* For people: local times, short bodies on one line, no NULL. */
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
    " CASE typeof(body)"
    "  WHEN 'text' THEN substr(replace(replace(body,"
    "   char(13), ' '), char(10), ' '), 1, 40)"
    "  WHEN 'blob' THEN 'x''' || hex(substr(body, 1, 16)) || ''''"
    "  ELSE '' END AS body,"
    " coalesce(cmd_uuid, error, '') AS answer"
    " FROM commands;";

static const char pending_view[] =
    "CREATE VIEW pending AS SELECT id, created, rule, device, severity, state,"
    " attempts, next_attempt, expires, cause, body, answer"
    " FROM readable WHERE state <> 'finished' ORDER BY +id;";

static const char recent_view[] =
    "CREATE VIEW recent AS SELECT id, created, rule, device, severity,"
    " CASE outcome WHEN '' THEN state ELSE outcome END AS fate,"
    " attempts, seconds, cause, body, answer"
    " FROM readable ORDER BY id DESC LIMIT 50;";

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

static const char *const step_1[] = {
    commands,      slots,        series,      totals,
    readable_view, pending_view, recent_view, by_device_view,
    balance_view,  errors_view,  application, "PRAGMA user_version = 1",
    NULL};

/* timed: of the last event that carried a CurrentValue; event: of the last one
 * of all, of which version 1 knew nothing. */
static const char *const step_2[] = {
    "ALTER TABLE series RENAME COLUMN timed_severity TO event_severity",
    "ALTER TABLE series ADD COLUMN event_at REAL",
    "ALTER TABLE series ADD COLUMN event_arrived_at REAL",
    "PRAGMA user_version = 2", NULL};

const char *const *const ledger_schema_steps[LEDGER_SCHEMA_VERSION] = {step_1,
                                                                       step_2};
