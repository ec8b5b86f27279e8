/* SPDX-License-Identifier: MIT */
#include "ledger/ledger_schema.h"

#include "ledger/ledger_table.h"

#include <stddef.h>

#define TEXT_OF(number) #number
#define NUMBER(macro) TEXT_OF(macro)

#define FIRST(name, type, put, take) " " #name SQL_##type
#define NEXT(name, type, put, take) ", " #name SQL_##type

#define SQL_ID " INTEGER PRIMARY KEY"
#define SQL_KEY " TEXT PRIMARY KEY"
#define SQL_NAME_KEY " TEXT PRIMARY KEY COLLATE NOCASE"
#define SQL_INTEGER " INTEGER NOT NULL"
#define SQL_INTEGER_OR_NULL " INTEGER"
#define SQL_REAL " REAL NOT NULL"
#define SQL_REAL_OR_NULL " REAL"
#define SQL_MOMENT SQL_REAL
#define SQL_MOMENT_OR_NULL SQL_REAL_OR_NULL
#define SQL_TEXT " TEXT NOT NULL"
#define SQL_TEXT_OR_NULL " TEXT"
#define SQL_NAME " TEXT NOT NULL COLLATE NOCASE"
#define SQL_NAME_OR_NULL " TEXT COLLATE NOCASE"
#define SQL_BODY ""

#define COMMANDS_COLUMNS LEDGER_COMMANDS(FIRST, NEXT, NEXT, NEXT, NEXT)
#define SLOTS_COLUMNS LEDGER_SLOTS(FIRST, NEXT, NEXT)
#define SERIES_COLUMNS LEDGER_SERIES(FIRST, NEXT)
#define TOTALS_COLUMNS LEDGER_TOTALS(FIRST, NEXT)
#define FAILING_COLUMNS LEDGER_FAILING(FIRST, NEXT)
#define IDS_COLUMNS LEDGER_IDS(FIRST, NEXT)
#define ORDERS_COLUMNS LEDGER_ORDERS(FIRST, NEXT, NEXT)
#define AGENT_COLUMNS LEDGER_AGENT(FIRST, NEXT)
#define ENDPOINTS_COLUMNS LEDGER_ENDPOINTS(FIRST, NEXT)

/* SQLite uses the partial indexes only for queries with these very words:
 * finished_at IS NULL for pending commands, finished_at IS NOT NULL for
 * history. Words about the state would have them written whenever that changes.
 */
#define PENDING_INDEX                                                          \
  "CREATE INDEX commands_pending ON commands (device)"                         \
  " WHERE finished_at IS NULL;"
#define FINISHED_INDEX                                                         \
  "CREATE INDEX commands_finished ON commands (finished_at)"                   \
  " WHERE finished_at IS NOT NULL;"

static const char commands[] =
    "CREATE TABLE commands (" COMMANDS_COLUMNS ");" PENDING_INDEX FINISHED_INDEX
    "CREATE INDEX commands_tracked ON commands (id)"
    " WHERE track_until IS NOT NULL;";

static const char slots[] = "CREATE TABLE slots (" SLOTS_COLUMNS ");";

static const char series[] =
    "CREATE TABLE series (" SERIES_COLUMNS ", PRIMARY KEY (slot, name));";

static const char totals[] = "CREATE TABLE totals (" TOTALS_COLUMNS ");";

static const char failing[] = "CREATE TABLE failing (" FAILING_COLUMNS
                              ", PRIMARY KEY (rule, device)) WITHOUT ROWID;";

static const char ids[] = "CREATE TABLE ids (" IDS_COLUMNS ");";

/* Has a row from an orderly close of the file to the first turn after it. */
static const char clean_end[] = "CREATE TABLE clean_end (at INTEGER NOT NULL);";

static const char orders[] = "CREATE TABLE orders (" ORDERS_COLUMNS ");"
                             "CREATE INDEX orders_given ON orders (id)"
                             " WHERE state = 'given';"
                             "CREATE INDEX orders_ended ON orders (ended_at)"
                             " WHERE ended_at IS NOT NULL;";

static const char agent[] = "CREATE TABLE agent (" AGENT_COLUMNS ");";

static const char endpoints[] =
    "CREATE TABLE endpoints (" ENDPOINTS_COLUMNS ");";

/* Shortens a body for people: one line, no longer than a terminal is wide. */
#define SHORT(column)                                                          \
  "CASE typeof(" column ")"                                                    \
  " WHEN 'text' THEN substr(replace(replace(" column                           \
  ", char(13), ' '), char(10), ' '), 1, 40)"                                   \
  " WHEN 'blob' THEN 'x''' || hex(substr(" column ", 1, 16)) || ''''"          \
  " ELSE '' END"
#define SHORT_BODY SHORT("body")
#define SHORT_ACCEPTED_BODY SHORT("accepted_body")
#define SHORT_REPLY SHORT("reply")

/* Writes a number of seconds for people: "2 d 03:04:05". */
#define DURATION(seconds)                                                      \
  "CASE WHEN " seconds " >= 86400 THEN (" seconds " / 86400) || ' d '"         \
  " ELSE '' END || time(" seconds " % 86400, 'unixepoch')"

/* Shows commands to people: local times, short bodies, no NULL. The text that
 * OneNET sends with an acceptance ("succ") is no error. */
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
    " coalesce(cmd_uuid, '') AS cmd_uuid,"
    " " SHORT_REPLY " AS reply"
    " FROM commands;";

static const char pending_view[] =
    "CREATE VIEW pending AS SELECT id, created, rule, device, severity, state,"
    " attempts, next_attempt, expires, cause, error, body, cmd_uuid"
    " FROM readable WHERE id IN"
    "  (SELECT id FROM commands WHERE finished_at IS NULL) ORDER BY +id;";

static const char recent_view[] =
    "CREATE VIEW recent AS SELECT id, created, rule, device, severity,"
    " outcome, attempts, seconds, cause, error, body, cmd_uuid, reply"
    " FROM readable ORDER BY id DESC LIMIT 50;";

/* Shows each series and its place in its slot. Place 1 has the series that
 * speaks for the slot: the same one that slot_speaker returns. `badness` is in
 * the order of enum severity. The accepted body is shown only if the epoch of
 * the slot is that of its device, and nothing is in flight to that. `held` is
 * for how long the state of the slot has held, and `fired` what came of it:
 * both are '' unless the rule has After or Until. A slot that is taken back
 * asks for its okay_body. */
static const char states_view[] =
    "CREATE VIEW states AS"
    " WITH known AS (SELECT series.rowid AS put, series.*,"
    "   spans.waits, spans.fired, spans.spent,"
    "   max(0, unixepoch() - CAST(spans.since_at AS INTEGER)) AS held_s,"
    "   slots.body AS accepted_body, CASE series.severity"
    "    WHEN 'okay' THEN 0 WHEN 'warning' THEN 1 WHEN 'failure' THEN 2"
    "    ELSE 3 END AS badness,"
    "   max(0, unixepoch() - CAST(series.since_at AS INTEGER)) AS age_s"
    "  FROM series LEFT JOIN totals ON totals.device = series.device"
    "  LEFT JOIN slots AS spans ON spans.key = series.slot"
    "  LEFT JOIN slots ON slots.key = series.slot"
    "   AND slots.epoch = totals.epoch"
    "   AND NOT EXISTS (SELECT 1 FROM commands WHERE finished_at IS NULL"
    "    AND state = 'in_flight' AND commands.device = series.device)),"
    " placed AS (SELECT *, max(badness) OVER (PARTITION BY slot) AS worst,"
    "  row_number() OVER (PARTITION BY slot"
    "   ORDER BY badness DESC, arrived_at DESC, put DESC) AS place"
    "  FROM known)"
    " SELECT rule, device, name AS series, severity AS state,"
    " coalesce(value, '') AS value,"
    " datetime(since_at, 'unixepoch', 'localtime') AS since,"
    " " DURATION(
        "age_s") " AS age,"
                 " CASE WHEN place = 1 THEN 'yes'"
                 "  WHEN badness = worst AND badness > 0 THEN 'also' ELSE 'no' "
                 "END"
                 "  AS decides,"
                 " CASE WHEN spent AND badness > 0 THEN " SHORT(
                     "okay_body") "  ELSE " SHORT_BODY " END AS asks_for,"
                                  " " SHORT_ACCEPTED_BODY " AS accepted,"
                                  " coalesce(" DURATION(
                                      "held_s") ", '') AS held,"
                                                " CASE WHEN spent THEN 'taken "
                                                "back' WHEN waits THEN 'waits'"
                                                "  WHEN fired THEN 'yes' WHEN "
                                                "NOT fired THEN 'no' ELSE '' "
                                                "END AS fired"
                                                " FROM placed ORDER BY rule, "
                                                "device, slot, place;";

static const char by_device_view[] =
    "CREATE VIEW by_device AS SELECT device, created, accepted, refused,"
    " unknown, expired, superseded, unchanged, dropped, cancelled,"
    " (SELECT count(*) FROM commands WHERE finished_at IS NULL"
    "  AND commands.device = totals.device) AS pending"
    " FROM totals ORDER BY device;";

/* Shows the balance of each device; `difference` is always 0. */
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

/* Shows the orders of operators to people, as `readable` does commands. */
static const char orders_view[] =
    "CREATE VIEW orders_readable AS SELECT id,"
    " datetime(given_at, 'unixepoch', 'localtime') AS given, uid, verb,"
    " coalesce(device, '') AS device, coalesce(rule, '') AS rule,"
    " coalesce(command_id, '') AS command, " SHORT_BODY " AS body,"
    " coalesce(datetime(until_at, 'unixepoch', 'localtime'), '') AS until,"
    " coalesce(comment, '') AS comment, state,"
    " coalesce(datetime(ended_at, 'unixepoch', 'localtime'), '') AS ended,"
    " coalesce(result_id, '') AS result, coalesce(count, '') AS count,"
    " coalesce(why, '') AS why"
    " FROM orders ORDER BY id;";

static const char version[] = "PRAGMA application_id = " NUMBER(
    LEDGER_SCHEMA_APPLICATION_ID) ";"
                                  "PRAGMA user_version = " NUMBER(
                                      LEDGER_SCHEMA_VERSION);

const char *const ledger_schema[] = {
    commands,      slots,        series,      totals,      failing,
    ids,           clean_end,    orders,      agent,       endpoints,
    readable_view, pending_view, recent_view, states_view, by_device_view,
    balance_view,  errors_view,  orders_view, version,     NULL};

/* Version 1 did not store a series' last event if it carried no CurrentValue,
 * nor when the series came into its state. Its views called the outcome `fate`,
 * and the cmd_uuid or error `answer`. */
static const char *const from_1[] = {
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

/* Version 2 did not know of slots that owe their state. */
static const char *const from_2[] = {
    "ALTER TABLE slots ADD COLUMN owes INTEGER NOT NULL DEFAULT 0",
    "PRAGMA user_version = 3", NULL};

/* Version 3 put the slot and the totals, too, when an attempt began, looked for
 * what fails in all history, gave ids from 1 alone, had indexes by the state,
 * and knew of no interface but /cmds: nothing of services, nor of what a device
 * itself replies at once. */
static const char *const from_3[] = {
    "DROP VIEW IF EXISTS states",
    "DROP VIEW IF EXISTS pending",
    "DROP VIEW IF EXISTS by_device",
    "DROP VIEW IF EXISTS recent",
    "DROP VIEW IF EXISTS readable",
    "ALTER TABLE commands ADD COLUMN reply TEXT",
    "ALTER TABLE slots ADD COLUMN api TEXT NOT NULL DEFAULT 'cmds'",
    "ALTER TABLE slots ADD COLUMN product_id TEXT",
    "ALTER TABLE slots ADD COLUMN service TEXT",
    "DROP INDEX IF EXISTS commands_pending",
    "DROP INDEX IF EXISTS commands_finished",
    PENDING_INDEX,
    FINISHED_INDEX,
    readable_view,
    recent_view,
    states_view,
    pending_view,
    by_device_view,
    failing,
    ids,
    clean_end,
    "INSERT INTO failing (rule, device, outcome)"
    " SELECT rule, device, outcome FROM commands WHERE id IN"
    "  (SELECT max(id) FROM commands WHERE outcome IN"
    "   ('accepted', 'refused', 'unknown', 'expired', 'dropped')"
    "   GROUP BY rule, device) AND outcome <> 'accepted'",
    "PRAGMA user_version = 4",
    NULL};

/* Version 4 did not know of After and Until. */
static const char *const from_4[] = {
    "DROP VIEW IF EXISTS states",
    "ALTER TABLE slots ADD COLUMN since_at REAL",
    "ALTER TABLE slots ADD COLUMN left_okay_at REAL",
    "ALTER TABLE slots ADD COLUMN waits INTEGER",
    "ALTER TABLE slots ADD COLUMN fired INTEGER",
    "ALTER TABLE slots ADD COLUMN spent INTEGER",
    states_view,
    "PRAGMA user_version = 5",
    NULL};

/* Version 5 knew of no orders, told nothing of the agent, and had the service
 * of a command in its slot alone. */
static const char *const from_5[] = {
    "ALTER TABLE commands ADD COLUMN service TEXT",
    orders,
    agent,
    endpoints,
    orders_view,
    "PRAGMA user_version = 6",
    NULL};

const char *const *const ledger_schema_steps[LEDGER_SCHEMA_VERSION] = {
    [1] = from_1, [2] = from_2, [3] = from_3, [4] = from_4, [5] = from_5};
