/* SPDX-License-Identifier: MIT
 *
 * look owns the commands that list what is in the ledger: pending, history,
 * states and orders. People get readable columns, programs those of the tables.
 */
#include "arguments.h"
#include "book.h"
#include "rows.h"
#include "setup.h"
#include "tool.h"

#include "base/systime.h"
#include "listing.h"

#include <getopt.h>
#include <string.h>

#define LIMIT_FOR_PEOPLE 50
#define LIMIT_MAX 1000000000
#define SINCE_MAX_S (INT64_C(3650) * 86400)
#define OUTCOME_PENDING "pending"

/* What a listing is asked for; NULL: all. */
struct look {
  const char *device, *rule, *outcome;
  int64_t since_s; /* -1: all */
  int64_t limit;   /* -1: none */
};

/* ---- queries ---- */

#define OF_DEVICE_AND_RULE                                                     \
  "(:device IS NULL OR device = :device COLLATE NOCASE)"                       \
  " AND (:rule IS NULL OR rule = :rule COLLATE NOCASE)"

/* A listing: its queries for people and for programs. */
struct listed {
  const char *heading; /* for people, who do not get it if there is no row;
                          NULL: none, and they are told if there is no row */
  const char *for_people, *for_programs;
};

/* "next" is when a command that waits for its retry is tried again. */
#define PENDING                                                                \
  " FROM commands WHERE id IN"                                                 \
  " (SELECT id FROM commands WHERE finished_at IS NULL)"                       \
  " AND " OF_DEVICE_AND_RULE " ORDER BY +id LIMIT :limit"

static const struct listed pending[] = {
    {NULL,
     "SELECT id AS ID, length_of(:now - created_at) AS \"@AGE\", rule AS RULE,"
     " device AS DEVICE, state AS \"@STATE\", attempts AS TRIES,"
     " CASE WHEN state = 'waiting' AND not_before > :now"
     "  THEN 'in ' || length_of(not_before - :now) ELSE '' END AS \"@NEXT\","
     " CASE WHEN expires_at IS NULL THEN 'never'"
     "  ELSE 'in ' || length_of(expires_at - :now) END AS \"@EXPIRES\","
     " body AS BODY, error AS \"LAST ERROR\"" PENDING,
     "SELECT *" PENDING},
    {NULL, NULL, NULL}};

#define HISTORY                                                                \
  " FROM commands WHERE " OF_DEVICE_AND_RULE " AND (:outcome IS NULL"          \
  "  OR coalesce(outcome, '" OUTCOME_PENDING "') = :outcome)"                  \
  " AND created_at >= :since ORDER BY id DESC LIMIT :limit"

static const struct listed history[] = {
    {NULL,
     "SELECT id AS ID, local_time(created_at) AS \"@CREATED\", rule AS RULE,"
     " device AS DEVICE, coalesce(outcome, state) AS \"@OUTCOME\","
     " attempts AS TRIES, body AS BODY,"
     " CASE outcome WHEN 'accepted' THEN reply ELSE coalesce(error, cause) END"
     "  AS ANSWER" HISTORY,
     "SELECT *" HISTORY},
    {NULL, NULL, NULL}};

/* A slot is one rule, device and perhaps series: that these three are the same
 * tells which row of `series` the view shows. */
static const struct listed states[] = {
    {NULL,
     "SELECT rule AS RULE, device AS DEVICE, series AS SERIES, state AS "
     "\"@STATE\","
     " value AS VALUE, age AS \"@AGE\", decides AS \"@DECIDES\", asks_for AS "
     "\"ASKS "
     "FOR\","
     " accepted AS ACCEPTED, fired AS FIRED"
     " FROM states WHERE " OF_DEVICE_AND_RULE " LIMIT :limit",
     "SELECT series.*, shown.decides,"
     " CASE WHEN shown.accepted <> '' THEN slots.body END AS accepted,"
     " slots.waits, slots.fired, slots.spent"
     " FROM (SELECT * FROM states WHERE " OF_DEVICE_AND_RULE ") AS shown"
     " JOIN series ON series.rule = shown.rule"
     "  AND series.device = shown.device AND series.name = shown.series"
     " LEFT JOIN slots ON slots.key = series.slot LIMIT :limit"},
    {NULL, NULL, NULL}};

#define TARGET                                                                 \
  "coalesce('device ' || device, 'rule ' || rule, 'command ' || command_id)"

static const struct listed orders[] = {
    {"Silences in force:\n",
     "SELECT id AS \"ORDER\", " TARGET " AS SILENT,"
     " local_time(until_at) AS \"@UNTIL\", length_of(until_at - :now) AS "
     "\"@FOR\","
     " user_name(uid) AS BY, comment AS COMMENT"
     " FROM orders WHERE " ROWS_IN_FORCE " ORDER BY until_at",
     NULL},
    {NULL,
     "SELECT id AS \"ORDER\", local_time(given_at) AS \"@GIVEN\","
     " user_name(uid) AS BY, verb AS \"@VERB\", " TARGET " AS TARGET,"
     " CASE verb WHEN 'silence' THEN CASE WHEN until_at <= given_at THEN 'ends'"
     "   ELSE 'for ' || length_of(round(until_at - given_at)) END"
     "   || coalesce(': ' || comment, '')"
     "  WHEN 'send' THEN body ELSE '' END AS DETAIL, state AS \"@STATE\","
     " coalesce(why, 'command ' || result_id, count || ' cancelled')"
     "  AS \"@CAME TO\""
     " FROM orders WHERE given_at >= :since ORDER BY id DESC LIMIT :limit",
     "SELECT *, " ROWS_IN_FORCE " AS in_force FROM orders"
     " WHERE given_at >= :since OR " ROWS_IN_FORCE
     " ORDER BY in_force DESC, id DESC LIMIT :limit"},
    {NULL, NULL, NULL}};

static int append_rows(struct book *b, bool is_json, const struct look *l,
                       const char *sql, struct buf *out) {
  double now_s = (double)systime_ms(CLOCK_REALTIME) / 1000;
  double since_s = l->since_s >= 0 ? now_s - (double)l->since_s : 0;
  const struct rows_value values[] = {
      ROWS_TEXT(":device", l->device),         ROWS_TEXT(":rule", l->rule),
      ROWS_TEXT(":outcome", l->outcome),       ROWS_NUMBER(":since", since_s),
      ROWS_NUMBER(":limit", (double)l->limit), ROWS_END};
  return rows_append(b, is_json, sql, values, out);
}

/* Appends a listing with its heading, unless there is no row. */
static int append_headed(struct book *b, const struct look *l,
                         const struct listed *listed, struct buf *out) {
  struct buf rows;
  buf_init(&rows, LISTING_MAX_BYTES);
  int count = append_rows(b, false, l, listed->for_people, &rows);
  if (count > 0) {
    buf_append_text(out, listed->heading);
    buf_append(out, rows.data, rows.size);
    buf_append_byte(out, '\n');
  }
  buf_free(&rows);
  return count;
}

static int append_one(struct book *b, bool is_json, const struct look *l,
                      const struct listed *listed, struct buf *out) {
  if (is_json)
    return listed->for_programs != NULL
               ? append_rows(b, true, l, listed->for_programs, out)
               : 0;
  return listed->heading != NULL
             ? append_headed(b, l, listed, out)
             : append_rows(b, false, l, listed->for_people, out);
}

/* Lists all, or nothing. */
static int list_all(struct book *b, bool is_json, const struct look *l,
                    const struct listed *listed) {
  struct buf out;
  int count = 0;
  buf_init(&out, LISTING_MAX_BYTES);
  for (; count >= 0 && listed->for_people != NULL; listed++)
    count = append_one(b, is_json, l, listed, &out);
  if (count >= 0)
    return rows_write(&out);
  buf_free(&out);
  return TOOL_WRONG;
}

/* ---- the command line ---- */

enum { DEVICE = 'd', RULE = 'r', OUTCOME = 'o', SINCE = 's', LIMIT = 'l' };

#define DEVICE_OPTION                                                          \
  { "device", required_argument, NULL, DEVICE }
#define RULE_OPTION                                                            \
  { "rule", required_argument, NULL, RULE }
#define SINCE_OPTION                                                           \
  { "since", required_argument, NULL, SINCE }
#define LIMIT_OPTION                                                           \
  { "limit", required_argument, NULL, LIMIT }
#define NO_MORE                                                                \
  { NULL, 0, NULL, 0 }

static int read_outcome(struct look *l, const char *word) {
  enum outcome outcome;
  l->outcome = word;
  if (strcmp(word, OUTCOME_PENDING) == 0 || outcome_parse(word, &outcome) == 0)
    return TOOL_OK;
  return tool_fail(TOOL_USAGE,
                   "--outcome %s: must be accepted, refused, unknown, expired, "
                   "superseded, unchanged, dropped, cancelled or pending",
                   word);
}

static int read_option(struct look *l, int option, char **argv) {
  switch (option) {
  case DEVICE:
    l->device = optarg;
    return TOOL_OK;
  case RULE:
    l->rule = optarg;
    return TOOL_OK;
  case OUTCOME:
    return read_outcome(l, optarg);
  case SINCE:
    return arguments_length("--since", optarg, SINCE_MAX_S, &l->since_s);
  case LIMIT:
    return arguments_number("--limit", optarg, LIMIT_MAX, &l->limit);
  default:
    return arguments_refuse(argv, option);
  }
}

static int read_line(struct look *l, const struct option *options, int argc,
                     char **argv) {
  int option, status = TOOL_OK;
  opterr = 0;
  while (status == TOOL_OK &&
         (option = getopt_long(argc, argv, ":", options, NULL)) != -1)
    status = read_option(l, option, argv);
  return status == TOOL_OK ? arguments_count(argc, argv, 0, 0, "") : status;
}

static int look(const struct tool *tool, const struct look *l,
                const struct listed *listed) {
  struct setup setup;
  struct book *b;
  if (setup_read(tool, &setup) < 0)
    return TOOL_WRONG;
  int status = book_open(setup.options->ledger_path, BOOK_TO_READ, &b);
  if (status == 0) {
    status = list_all(b, tool->is_json, l, listed);
    book_close(b);
  }
  setup_free(&setup);
  return status < 0 ? TOOL_WRONG : status;
}

/* Reads the command line, and lists. limit: that for people. */
static int run(const struct tool *tool, int argc, char **argv,
               const struct option *options, int64_t limit,
               const struct listed *listed) {
  struct look l = {.since_s = -1, .limit = tool->is_json ? -1 : limit};
  int status = read_line(&l, options, argc, argv);
  return status == TOOL_OK ? look(tool, &l, listed) : status;
}

int pending_run(const struct tool *tool, int argc, char **argv) {
  static const struct option options[] = {DEVICE_OPTION, RULE_OPTION,
                                          LIMIT_OPTION, NO_MORE};
  return run(tool, argc, argv, options, -1, pending);
}

int history_run(const struct tool *tool, int argc, char **argv) {
  static const struct option options[] = {
      DEVICE_OPTION,
      RULE_OPTION,
      {"outcome", required_argument, NULL, OUTCOME},
      SINCE_OPTION,
      LIMIT_OPTION,
      NO_MORE};
  return run(tool, argc, argv, options, LIMIT_FOR_PEOPLE, history);
}

int states_run(const struct tool *tool, int argc, char **argv) {
  static const struct option options[] = {DEVICE_OPTION, RULE_OPTION,
                                          LIMIT_OPTION, NO_MORE};
  return run(tool, argc, argv, options, -1, states);
}

int orders_run(const struct tool *tool, int argc, char **argv) {
  static const struct option options[] = {SINCE_OPTION, LIMIT_OPTION, NO_MORE};
  return run(tool, argc, argv, options, LIMIT_FOR_PEOPLE, orders);
}
