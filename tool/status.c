/* SPDX-License-Identifier: MIT
 *
 * status owns the page about agent, endpoints and devices, and its refreshing.
 * It reads the ledger alone: what the agent tells of itself stands there.
 */
#include "arguments.h"
#include "book.h"
#include "listing.h"
#include "rows.h"
#include "screen.h"
#include "setup.h"
#include "tool.h"

#include <getopt.h>
#include <sqlite3.h>
#include <string.h>

#define REFRESH_S 2
#define REFRESH_MAX_S 86400
#define DEVICES_MAX 20 /* for people: those with the most pending */

/* The page while it is written. */
struct page {
  struct book *book;
  const char *path; /* of the ledger */
  bool is_dry;      /* DryRun: an agent that runs does not use it */
  pid_t agent;      /* 0: none runs */
  struct buf out;
  int status; /* negative once a query has failed: nothing more is asked */
};

/* ---- queries ---- */

#define TEXT_OF(number) #number
#define NUMBER(macro) TEXT_OF(macro)

#define FAILED "outcome IN ('refused', 'unknown', 'expired', 'dropped')"
#define SINCE(seconds)                                                         \
  " FROM commands WHERE finished_at IS NOT NULL AND finished_at >= :now "      \
  "- " NUMBER(seconds)
#define COUNTS                                                                 \
  "coalesce(sum(outcome = 'accepted'), 0) AS accepted,"                        \
  " coalesce(sum(" FAILED "), 0) AS failed"

static const char rates[] =
    "SELECT printf('%d accepted, %d failed in the last minute;"
    " %.1f and %.1f a minute in the last hour',"
    " minute.accepted, minute.failed, hour.accepted / 60.0, hour.failed / 60.0)"
    " FROM (SELECT " COUNTS SINCE(60) ") AS minute,"
                                      " (SELECT " COUNTS SINCE(
                                          3600) ") AS hour";

static const char rates_of_programs[] = "SELECT 60 AS seconds, " COUNTS SINCE(
    60) " UNION ALL SELECT 3600, " COUNTS SINCE(3600);

static const char agent[] =
    "SELECT version || ', process ' || :pid || ', since '"
    " || local_time(started_at) || ' (' || length_of(:now - started_at) || ')'"
    " FROM agent";

static const char last_agent[] =
    "SELECT ' What it has told last, ' || length_of(:now - told_at)"
    " || ' ago, as version ' || version || ':' FROM agent";

static const char agent_of_programs[] =
    "SELECT *, :running <> 0 AS running FROM agent";

static const char ledger_errors[] =
    "SELECT CASE ledger_errors WHEN 0 THEN 'no error of it'"
    " ELSE ledger_errors || ' errors of it since the agent has started: see"
    " the log' END FROM agent";

static const char ledger_of_programs[] =
    "SELECT :path AS path, CAST(:bytes AS INTEGER) AS bytes,"
    " (SELECT ledger_errors FROM agent) AS ledger_errors";

static const char endpoints_of_programs[] =
    "SELECT * FROM endpoints ORDER BY endpoint";

static const char endpoints[] =
    "SELECT endpoint AS ENDPOINT, circuit AS \"@CIRCUIT\","
    " in_flight AS \"IN FLIGHT\", waiting AS WAITING, requests AS REQUESTS,"
    " last_error AS \"LAST ERROR\", CASE WHEN last_error_at IS NULL THEN ''"
    "  ELSE length_of(:now - last_error_at) || ' ago' END AS \"@WHEN\""
    " FROM endpoints ORDER BY endpoint";

/* Only a command that waits for its retry has a next attempt; any other goes as
 * soon as it can. */
#define PENDING " FROM commands WHERE finished_at IS NULL"
#define NEXT "min(CASE WHEN not_before > :now THEN not_before END)"

static const char pending[] =
    "SELECT device AS DEVICE, count(*) AS PENDING,"
    " sum(state = 'in_flight') AS \"IN FLIGHT\","
    " length_of(:now - min(created_at)) AS \"@OLDEST\","
    " CASE WHEN " NEXT " IS NULL THEN ''"
    "  ELSE 'in ' || length_of(" NEXT
    " - :now) END AS \"@NEXT ATTEMPT\"" PENDING
    " GROUP BY device ORDER BY count(*) DESC, device LIMIT " NUMBER(
        DEVICES_MAX);

static const char pending_in_all[] =
    "SELECT printf('%d command%s of %d device%s', count(*),"
    " CASE count(*) WHEN 1 THEN '' ELSE 's' END, count(DISTINCT device),"
    " CASE count(DISTINCT device) WHEN 1 THEN '' ELSE 's' END)"
    " || CASE WHEN count(DISTINCT device) > " NUMBER(
        DEVICES_MAX) " THEN ', those with the most:' ELSE '' END" PENDING;

static const char pending_of_programs[] =
    "SELECT device, count(*) AS pending, sum(state = 'in_flight') AS in_flight,"
    " min(created_at) AS created_at, " NEXT " AS not_before" PENDING
    " GROUP BY device ORDER BY device";

static const char silences[] =
    "SELECT id AS \"ORDER\", coalesce('device ' || device, 'rule ' || rule)"
    "  AS SILENT, length_of(until_at - :now) AS \"@FOR\", user_name(uid) AS BY,"
    " comment AS COMMENT FROM orders WHERE " ROWS_IN_FORCE " ORDER BY until_at";

static const char silences_of_programs[] =
    "SELECT * FROM orders WHERE " ROWS_IN_FORCE " ORDER BY until_at";

/* ---- the page ---- */

/* Appends the answer as a table or array. Returns how many rows it has. */
static int add_rows(struct page *p, bool is_json, const char *sql) {
  const struct rows_value values[] = {
      ROWS_TEXT(":path", p->path),
      ROWS_NUMBER(":bytes", (double)book_bytes(p->book)),
      ROWS_NUMBER(":running", (double)p->agent), ROWS_END};
  if (p->status < 0)
    return 0;
  int count = rows_append(p->book, is_json, sql, values, &p->out);
  if (count < 0)
    p->status = count;
  return count;
}

/* Appends the answer as a part of a line. Returns whether there is one. */
static bool add_word(struct page *p, const char *sql) {
  char pid[24];
  const struct rows_value values[] = {ROWS_TEXT(":pid", pid), ROWS_END};
  snprintf(pid, sizeof pid, "%ld", (long)p->agent);
  if (p->status < 0)
    return false;
  int status = rows_append_word(p->book, sql, values, &p->out);
  if (status < 0)
    p->status = status;
  return status > 0;
}

static void add_agent(struct page *p) {
  buf_append_text(&p->out, "onenetctl  " ONENET_VERSION "\nagent      ");
  if (p->agent == 0) {
    buf_append_text(&p->out, p->is_dry
                                 ? "DryRun is true: it keeps nothing here."
                                 : "none runs with this ledger: start "
                                   "collectd.");
    add_word(p, last_agent);
  } else if (!add_word(p, agent)) {
    buf_append_format(&p->out, "process %ld, which has told nothing yet",
                      (long)p->agent);
  }
}

static void add_ledger(struct page *p) {
  buf_append_format(&p->out, "\nledger     %s, %.1f MiB, ", p->path,
                    (double)book_bytes(p->book) / (1 << 20));
  if (!add_word(p, ledger_errors))
    buf_append_text(&p->out, "nothing is told of its errors");
  buf_append_text(&p->out, "\nrates      ");
  add_word(p, rates);
}

/* Appends a heading with its table, unless that is empty. */
static void add_table(struct page *p, const char *heading, const char *sql) {
  size_t before = p->out.size;
  buf_append_text(&p->out, heading);
  if (add_rows(p, false, sql) == 0)
    p->out.size = before;
}

static void write_page(struct page *p) {
  add_agent(p);
  add_ledger(p);
  buf_append_text(&p->out, "\npending    ");
  add_word(p, pending_in_all);
  buf_append_byte(&p->out, '\n');
  add_table(p, "\n", endpoints);
  add_table(p, "\n", pending);
  add_table(p, "\nSilences in force:\n", silences);
}

/* ---- for programs ---- */

static void add_member(struct page *p, const char *name, const char *sql) {
  buf_append_format(&p->out, ",\n\"%s\": ", name);
  add_rows(p, true, sql);
  if (p->out.size > 0 && p->out.data[p->out.size - 1] == '\n')
    p->out.size--;
}

static void write_object(struct page *p) {
  buf_append_text(&p->out, "[{\"onenetctl\": \"" ONENET_VERSION "\"");
  add_member(p, "agent", agent_of_programs);
  add_member(p, "ledger", ledger_of_programs);
  add_member(p, "endpoints", endpoints_of_programs);
  add_member(p, "rates", rates_of_programs);
  add_member(p, "pending", pending_of_programs);
  add_member(p, "silences", silences_of_programs);
  buf_append_text(&p->out, "}]\n");
}

/* ---- showing ---- */

/* Writes the page from one state of the ledger. */
static int write_all(struct page *p, bool is_json) {
  sqlite3 *db = book_connection(p->book);
  p->status = book_judge(p->book, sqlite3_exec(db, "BEGIN", NULL, NULL, NULL));
  if (is_json)
    write_object(p);
  else
    write_page(p);
  return p->status;
}

/* Shows the page once; is_watched: as much of it as the terminal has room for.
 * The ledger is opened anew each time: the agent may have set it aside. */
static int show(const struct tool *tool, const struct options *options,
                bool is_watched) {
  const char *path = options->ledger_path;
  struct page p = {
      .path = path, .is_dry = options->dry_run, .agent = book_agent(path)};
  if (book_open(path, BOOK_TO_READ, &p.book) < 0)
    return TOOL_WRONG;
  buf_init(&p.out, LISTING_MAX_BYTES);
  int status = write_all(&p, tool->is_json);
  book_close(p.book);
  if (is_watched && !tool->is_json)
    screen_fit(&p.out);
  if (status == 0)
    return rows_write(&p.out);
  buf_free(&p.out);
  return TOOL_WRONG;
}

/* Shows the page again and again, until somebody ends it. */
static int watch(const struct tool *tool, const struct options *options,
                 int64_t seconds) {
  int status;
  screen_begin();
  do {
    screen_clear();
    status = show(tool, options, true);
  } while (screen_wait(1000 * seconds));
  screen_end();
  return status;
}

static int read_line(int argc, char **argv, int64_t *ret_seconds) {
  static const struct option options[] = {
      {"watch", optional_argument, NULL, 'w'}, {NULL, 0, NULL, 0}};
  int option, status = TOOL_OK;
  opterr = 0;
  *ret_seconds = 0;
  while (status == TOOL_OK &&
         (option = getopt_long(argc, argv, ":", options, NULL)) != -1) {
    *ret_seconds = REFRESH_S;
    if (option != 'w')
      status = arguments_refuse(argv, option);
    else if (optarg != NULL)
      status = arguments_number("--watch", optarg, REFRESH_MAX_S, ret_seconds);
  }
  if (status == TOOL_OK)
    status = arguments_count(argc, argv, 0, *ret_seconds > 0 ? 1 : 0,
                             "--watch [SECONDS]");
  return status == TOOL_OK && optind < argc
             ? arguments_number("--watch", argv[optind], REFRESH_MAX_S,
                                ret_seconds)
             : status;
}

int status_run(const struct tool *tool, int argc, char **argv) {
  struct setup setup;
  int64_t seconds;
  int status = read_line(argc, argv, &seconds);
  if (status != TOOL_OK)
    return status;
  if (setup_read(tool, &setup) < 0)
    return TOOL_WRONG;
  status = seconds > 0 ? watch(tool, setup.options, seconds)
                       : show(tool, setup.options, false);
  setup_free(&setup);
  return status;
}
