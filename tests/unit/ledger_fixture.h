/* SPDX-License-Identifier: MIT
 *
 * ledger_fixture owns a ledger in a directory of its own, below TMPDIR or else
 * /tmp, a small configuration, a callbacks that keeps what it is told, and SQL
 * to look into the file from outside.
 */
#ifndef ONENET_LEDGER_FIXTURE_H
#define ONENET_LEDGER_FIXTURE_H

#include "ledger/ledger.h"
#include "words/device.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FIXTURE_MAX 64 /* restored slots, commands, accounts each */
#define FIXTURE_NOW                                                            \
  ((struct moment){.ms = 900000, .wall_ms = INT64_C(1700000000000)})
#define FIXTURE_CORE "host/sensors-core/temperature-x"

enum { FAN, PUMP, DEVICES };
enum { OVERHEAT, SETPOINT, RULES };

struct fixture {
  char directory_path[64];
  char path[512];
  enum ledger_sync sync;
  int64_t history_max;
  struct directory *directory;
  struct device *devices[DEVICES];
  struct policy policies[RULES];
  bool rule_is_gone[RULES];
  struct policy hand; /* with the rule ORDER_RULE, if there is one */
  struct ledger *ledger;
  bool was_set_aside; /* in the open or the load */
  char why[1024];

  const char *newer;        /* key of a slot that is newer than its record */
  const char *newer_series; /* the series that is known of it */
  int callback_status;      /* what the callbacks returns for a command */
  int load_status;          /* what ledger_load is to return */
  struct account accounts[FIXTURE_MAX];
  size_t account_count;
  struct slot *slots[FIXTURE_MAX];
  size_t slot_count;
  struct series *series[FIXTURE_MAX]; /* in the order in which they came */
  size_t series_count;
  struct command *commands[FIXTURE_MAX];
  size_t command_count;
  struct tracked *tracked[FIXTURE_MAX];
  size_t tracked_count;
  struct order *silences[FIXTURE_MAX];
  size_t silence_count;
  char failing[256]; /* "RULE DEVICE OUTCOME;" for each */
  int64_t next_id;

  size_t log_count;
  char log[8192]; /* all lines since fixture_forget_log */
};

/* Where the directory is made; NULL: in TMPDIR, or /tmp. A test that opens a
 * ledger a thousand times says "/dev/shm", where nobody waits for a disk. */
extern const char *fixture_place;

/* Setup and teardown of cmocka: nothing is open yet; all is removed. */
int fixture_setup(void **state);
int fixture_teardown(void **state);

/* A moment that is so much later by both clocks. */
struct moment fixture_later(int64_t ms);

/* Closes the ledger and forgets what was restored; opens it again; loads. */
void fixture_close(struct fixture *f);
int fixture_open(struct fixture *f, struct moment now);
void fixture_load(struct fixture *f, struct moment now);
/* Returns as ledger_load, whatever that is. */
int fixture_try_load(struct fixture *f, struct moment now);
/* Reads and restores what fixture_load could not. */
int fixture_read_late(struct fixture *f, struct moment now);
/* Looks at the ledger from outside. Returns as ledger_peek; what is restored is
 * that of the look alone. */
int fixture_peek(struct fixture *f, struct moment now);
/* All three; the open must succeed. */
void fixture_restart(struct fixture *f, struct moment now);

/* Make a struct with every field set; the caller frees it. */
struct command *fixture_command(struct fixture *f, int64_t id);
struct slot *fixture_slot(struct fixture *f, int rule, int device,
                          const char *key);
struct body *fixture_body(const char *text);

/* Ends the command as lanes would. */
void fixture_finish(struct command *c, enum outcome outcome, struct moment now);

/* Put what has changed, or an account, within a turn, as a batch of its own. */
void fixture_put_change(struct fixture *f, struct change *change,
                        struct moment now);
void fixture_put_counts(struct fixture *f, const struct account *counts);

/* Puts one command, which it frees, in a turn of its own. */
void fixture_put(struct fixture *f, struct command *c, struct moment now);
/* Puts an account with so many created and accepted; the rest is pending. */
void fixture_put_account(struct fixture *f, int device, uint64_t created,
                         uint64_t accepted, struct moment now);

/* Puts in one turn what a start needs to find: a slot with a series in FAILURE,
 * `count` waiting commands with ids from 1, and the account of the fan. */
int fixture_put_state(struct fixture *f, int count, struct moment now);

/* Runs SQL in another connection. Returns the rows, columns joined by `|` and
 * rows by a newline; valid until the next call. */
const char *fixture_sql(const struct fixture *f, const char *sql);

/* Returns how many files in the directory have that text in their names. */
size_t fixture_count_files(const struct fixture *f, const char *part);

void fixture_forget_log(struct fixture *f);
/* Returns how often the text is in the log. */
size_t fixture_count_log(const struct fixture *f, const char *text);

#endif
